/** Two peers that outlive their connections. The test delivers each message, and cuts where it likes. */
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import type { DownCall, UpCall, WireCall } from '../../schemas/messages.ts'
import { hvBinaryCodec, uvBinaryCodec } from '../../src/peer/rpc-binary.ts'
import type { Incoming } from '../../src/peer/rpc-calls.ts'
import type { Codec, WireData } from '../../src/peer/rpc-codec.ts'
import { hvJsonCodec, uvJsonCodec } from '../../src/peer/rpc-json.ts'
import type { Report } from '../../src/peer/rpc-options.ts'
import { Peer } from '../../src/peer/rpc-peer.ts'
import { type FromHv, type FromUv, Line, Turn } from './pair.ts'

export const CODECS = {
  json: { hv: hvJsonCodec, uv: uvJsonCodec },
  bin: { hv: hvBinaryCodec, uv: uvBinaryCodec },
} as const

export interface ResumableOptions {
  readonly hvServes?: (incoming: FromUv, hv: Peer<DownCall, UpCall>) => void
  readonly uvServes?: (incoming: FromHv, uv: Peer<UpCall, DownCall>) => void
  readonly limits?: Partial<Limits>
  readonly protocol?: keyof typeof CODECS
  readonly uvFirstId?: number
  /** The ultravisor does not say how many calls come again. */
  readonly saysNothing?: boolean
  /** Makes the hypervisor's lines. */
  readonly newHvLine?: () => Line
}

export class ResumablePair {
  readonly hv: Peer<DownCall, UpCall>
  readonly uv: Peer<UpCall, DownCall>
  readonly reports: Report[] = []
  readonly #options: ResumableOptions
  readonly #turn = new Turn()
  #hvLine: Line
  #uvLine: Line

  constructor(options: ResumableOptions) {
    this.#options = options
    this.#hvLine = options.newHvLine?.() ?? new Line()
    this.#uvLine = new Line()
    const { hv, uv } = CODECS[options.protocol ?? 'json']
    this.hv = this.#peer(hv(), this.#hvLine, (call) => options.hvServes?.(call, this.hv))
    const first = options.uvFirstId
    this.uv = this.#peer(uv(), this.#uvLine, (call) => options.uvServes?.(call, this.uv), first)
  }

  get hvLine(): Line {
    return this.#hvLine
  }

  get uvLine(): Line {
    return this.#uvLine
  }

  /** Ends the turn on both sides: what they have to say is on its way. */
  turn(): void {
    this.#turn.end()
  }

  /** Delivers the oldest message, the ultravisor's first; false when none is on its way. */
  deliver(): boolean {
    this.turn()
    const up = this.#uvLine.sent.shift()
    if (up !== undefined) this.hv.receive(up)
    const down = up === undefined ? this.#hvLine.sent.shift() : undefined
    if (down !== undefined) this.uv.receive(down)
    this.turn()
    return up !== undefined || down !== undefined
  }

  /** Delivers until nobody says anything; how many messages that were. */
  settle(): number {
    let messages = 0
    while (this.deliver()) messages++
    return messages
  }

  /** The line breaks: what is on its way is lost. `unnoticed`: who still takes it for whole. */
  cut(unnoticed?: 'hv' | 'uv'): void {
    this.#hvLine.sent.length = 0
    this.#uvLine.sent.length = 0
    if (unnoticed !== 'hv') this.hv.detach()
    if (unnoticed !== 'uv') this.uv.detach()
  }

  /** Another line, over which SESSION_OPEN has just been answered. */
  resume(protocol = this.#options.protocol ?? 'json'): void {
    const { hv, uv } = CODECS[protocol]
    this.#hvLine = this.#options.newHvLine?.() ?? new Line()
    this.#uvLine = new Line()
    const unanswered = this.#options.saysNothing === true ? 0 : this.uv.callsOpen
    const nothing = (): void => undefined
    this.hv.adopt(this.#peer(hv(), this.#hvLine, nothing), unanswered)
    this.uv.adopt(this.#peer(uv(), this.#uvLine, nothing))
    this.turn()
  }

  /** What a message says, item by item, in JSON. */
  static items(data: WireData): readonly { readonly id: number; readonly method?: string }[] {
    return [JSON.parse(String(data))].flat()
  }

  #peer<Ours extends WireCall, Theirs extends WireCall>(
    codec: Codec<Ours, Theirs>,
    transport: Line,
    serve: (incoming: Incoming<Ours, Theirs>) => void,
    firstId?: number,
  ): Peer<Ours, Theirs> {
    return new Peer({
      codec,
      transport,
      defer: this.#turn.defer,
      serve,
      report: (report) => this.reports.push(report),
      limits: { ...LIMITS, ...this.#options.limits },
      outlives: true,
      ...(firstId === undefined ? {} : { firstId }),
    })
  }
}
