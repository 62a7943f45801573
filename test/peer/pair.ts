/** Two peers back to back: what one sends waits in a queue until the test turns the handle. */
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import type { Page } from '../../src/abi/page.ts'
import { asGpa, asLpid, asRa } from '../../src/abi/page.ts'
import type { Incoming } from '../../src/peer/rpc-calls.ts'
import type { Codec, Transport, WireData } from '../../src/peer/rpc-codec.ts'
import { hvJsonCodec, uvJsonCodec } from '../../src/peer/rpc-json.ts'
import type { PeerLimits, Report } from '../../src/peer/rpc-options.ts'
import { Peer } from '../../src/peer/rpc-peer.ts'

/** A connection of which the test sees every message. */
export class Line implements Transport {
  bufferedAmount = 0
  readonly sent: WireData[] = []
  readonly closed: { code: number; reason: string }[] = []

  send(data: WireData): void {
    this.sent.push(data)
  }

  close(code: number, reason: string): void {
    this.closed.push({ code, reason })
  }
}

/** What a test looks at in an item that was said. */
export interface Said {
  readonly id: number | null
  readonly error: {
    readonly code: number
    readonly data: { readonly path: string; readonly value?: unknown; readonly expected?: string }
  }
}

/** Every item that was said on a line of JSON, whatever it was grouped with. */
export const saidOn = (line: Line): Said[] =>
  line.sent.flatMap((data) => JSON.parse(String(data)) as Said)

/** The codec of a hypervisor whose client has sent a batch, and so gets batches. */
export function hvBatchCodec(): Codec<DownCall, UpCall> {
  const codec = hvJsonCodec()
  codec.decode('[]', () => undefined)
  return codec
}

/** Work put off to the end of the turn. */
export class Turn {
  readonly #work: (() => void)[] = []
  readonly defer = (work: () => void): void => {
    this.#work.push(work)
  }

  /** Ends the turn: runs what was put off, and what that puts off. */
  end(): void {
    for (let work = this.#work.shift(); work !== undefined; work = this.#work.shift()) work()
  }
}

export type FromUv = Incoming<DownCall, UpCall>
export type FromHv = Incoming<UpCall, DownCall>

export interface PairOptions {
  readonly hvServes?: (incoming: FromUv, hv: Peer<DownCall, UpCall>) => void
  readonly uvServes?: (incoming: FromHv, uv: Peer<UpCall, DownCall>) => void
  readonly limits?: PeerLimits
  /** Of the hypervisor alone, in place of `limits`. */
  readonly hvLimits?: PeerLimits
  /** JSON, if not given. */
  readonly codecs?: {
    readonly hv: Codec<DownCall, UpCall>
    readonly uv: Codec<UpCall, DownCall>
  }
}

/** A hypervisor's and an ultravisor's peer on one line. */
export function pair({ hvServes, uvServes, limits, hvLimits, codecs }: PairOptions = {}) {
  const turn = new Turn()
  const hvLine = new Line()
  const uvLine = new Line()
  const reports: Report[] = []
  const shared = {
    defer: turn.defer,
    report: (report: Report) => {
      reports.push(report)
    },
    ...(limits === undefined ? {} : { limits }),
  }
  const hv: Peer<DownCall, UpCall> = new Peer({
    ...shared,
    ...(hvLimits === undefined ? {} : { limits: hvLimits }),
    codec: codecs?.hv ?? hvJsonCodec(),
    transport: hvLine,
    serve: (incoming) => hvServes?.(incoming, hv),
  })
  const uv: Peer<UpCall, DownCall> = new Peer({
    ...shared,
    codec: codecs?.uv ?? uvJsonCodec(),
    transport: uvLine,
    serve: (incoming) => uvServes?.(incoming, uv),
  })
  /** Delivers messages until nobody has anything to say. */
  const settle = (): void => {
    let hvSeen = 0
    let uvSeen = 0
    turn.end()
    while (hvSeen < hvLine.sent.length || uvSeen < uvLine.sent.length) {
      for (; uvSeen < uvLine.sent.length; uvSeen += 1) hv.receive(uvLine.sent[uvSeen] ?? '')
      for (; hvSeen < hvLine.sent.length; hvSeen += 1) uv.receive(hvLine.sent[hvSeen] ?? '')
      turn.end()
    }
    hvLine.sent.length = 0
    uvLine.sent.length = 0
  }
  return { hv, uv, hvLine, uvLine, turn, reports, settle }
}

const LPID = asLpid(1)

export const pageIn = (gpa: number): UpCall => ({
  call: 'H_SVM_PAGE_IN',
  lpid: LPID,
  gpa: asGpa(gpa),
  flags: 0,
  order: 16,
})
export const uvPageIn = (gpa: number, page: Page): DownCall => ({
  call: 'UV_PAGE_IN',
  lpid: LPID,
  ra: asRa(0x20000),
  gpa: asGpa(gpa),
  flags: 0,
  order: 16,
  page,
})
export const inval = (gpa: number): DownCall => ({
  call: 'UV_PAGE_INVAL',
  lpid: LPID,
  gpa: asGpa(gpa),
  order: 16,
})
