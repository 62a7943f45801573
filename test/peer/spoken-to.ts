/** A hypervisor's peer that is spoken to by hand, in JSON, on one connection after the other. */
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { hvJsonCodec } from '../../src/peer/rpc-json.ts'
import type { Report } from '../../src/peer/rpc-options.ts'
import { Peer } from '../../src/peer/rpc-peer.ts'
import type { PeerWatch } from '../../src/peer/rpc-restore.ts'
import { type FromUv, Line, Turn } from './pair.ts'
import { ResumablePair } from './resumable-pair.ts'

export interface Said {
  readonly id: number | null
  readonly method?: string
  readonly params?: { readonly gpa: string; readonly parent?: number }
  readonly result?: { readonly ret: number }
  readonly error?: { readonly code: number; readonly data?: object }
}

export const request = (id: number, method: string, params: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })
export const done = (id: number, lpid = 1, more: object = {}): string =>
  request(id, 'H_SVM_INIT_DONE', { lpid, ...more })
export const open = (id: number): string => request(id, 'SESSION_OPEN', { name: 'x' })
export const read = (id: number, length: number): string =>
  request(id, 'MEM_READ', { lpid: 1, ra: 65_536, offset: 0, length })
export const answered = (id: number): string =>
  JSON.stringify({ jsonrpc: '2.0', id, result: { ret: 0, name: 'U_SUCCESS' } })

export interface SpokenOptions {
  readonly serve?: (call: FromUv) => void
  readonly limits?: Partial<Limits>
  readonly watch?: PeerWatch<DownCall, UpCall>
  readonly outlives?: boolean
  readonly waits?: (isWaiting: boolean) => void
  readonly report?: (report: Report) => void
}

/** It has no connection until `connect` brings one; `say` speaks on it. */
export function hypervisor({ serve, limits, outlives = true, ...more }: SpokenOptions = {}) {
  const turn = new Turn()
  const served: number[] = []
  const common = { codec: hvJsonCodec(), defer: turn.defer, limits: { ...LIMITS, ...limits } }
  const peer = new Peer<DownCall, UpCall>({
    ...common,
    ...more,
    serve: (call) => {
      served.push(call.id)
      serve?.(call)
    },
    outlives,
  })
  let line = new Line()
  const heard = (): Said[] => {
    turn.end()
    return line.sent.splice(0).flatMap((data) => ResumablePair.items(data))
  }
  /** Another connection, on which so many calls are said to come again. */
  const connect = (unanswered = 0): Said[] => {
    line = new Line()
    peer.adopt(new Peer({ ...common, transport: line, serve: () => undefined }), unanswered)
    return heard()
  }
  const say = (...texts: readonly string[]): Said[] => {
    for (const text of texts) peer.receive(text)
    return heard()
  }
  return { peer, served, connect, say, line: () => line }
}
