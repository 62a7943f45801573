/**
 * Runs a record again and finds the first thing that goes another way: under the same profile that is
 * a mistake of this program, under another it is what the profiles do differently.
 */
import type { RecordHead, RecordInput, RecordOutput } from '../../schemas/record.ts'
import { unreachable } from '../lib/assert.ts'
import { type Host, newHost } from '../uvmem/host.ts'
import { HV_PROFILES, type HvProfileName } from '../uvmem/profile.ts'
import { hostFromSnapshot } from '../uvmem/snapshot-read.ts'
import { RecordHost } from './record-host.ts'
import { readRecordLine } from './record-read.ts'

/** Where the run goes another way than the record. */
export interface Difference {
  /** Line of the record, from 1 on: what it says next, or, when it says no more, its last one. */
  readonly line: number
  /** What came in before. */
  readonly after: string
  readonly recorded: string
  readonly replayed: string
}

export type Replayed =
  | { readonly how: 'same'; readonly lines: number; readonly operations: number }
  | { readonly how: 'different'; readonly difference: Difference }
  /** The record cannot be read. */
  | { readonly how: 'unreadable'; readonly line: number; readonly why: string }

export interface ReplayOptions {
  /** In place of the record's own. */
  readonly profile?: HvProfileName
}

interface Numbered<Line> {
  readonly at: number
  readonly line: Line
}

const NOTHING = 'nothing'

export class Replay {
  readonly #options: ReplayOptions
  #host: RecordHost | undefined
  #lines = 0
  #operations = 0
  #input: Numbered<RecordInput> | undefined
  /** What the record says that the hypervisor did on that input. */
  #expected: Numbered<RecordOutput>[] = []
  #next = 0
  #result: Replayed | undefined

  constructor(options: ReplayOptions = {}) {
    this.#options = options
  }

  /** Takes the next line of the record. False: no more are needed. */
  push(text: string): boolean {
    if (this.#result !== undefined) return false
    this.#lines++
    const item = readRecordLine(text)
    if (item.kind === 'bad') this.#stop(item.why)
    else if (this.#lines === 1) {
      if (item.kind === 'head') this.#start(item.line)
      else this.#stop('the first line does not say what this is')
    } else if (item.kind === 'head') this.#stop('a record begins once')
    else if (item.kind === 'output') this.#expected.push({ at: this.#lines, line: item.line })
    else if (item.kind === 'input') {
      this.#run()
      this.#input = { at: this.#lines, line: item.line }
    }
    return this.#result === undefined
  }

  /** The record is over. */
  end(): Replayed {
    if (this.#lines === 0) this.#stop('there is no line in it')
    this.#run()
    return this.#result ?? { how: 'same', lines: this.#lines, operations: this.#operations }
  }

  #stop(why: string): void {
    this.#result ??= { how: 'unreadable', line: this.#lines, why }
  }

  #start(head: RecordHead): void {
    const name = this.#options.profile ?? head.profile
    if (!isProfile(name)) return this.#stop(`there is no profile ${name}`)
    const profile = HV_PROFILES[name]
    const { pool_pages: poolSize, notifies_migrations: notifiesMigrations, state } = head
    const host =
      state === undefined
        ? { host: newHost({ profile, poolSize, notifiesMigrations }) }
        : hostFromSnapshot(state, { profile })
    if ('error' in host) return this.#stop(`its state does not fit: ${host.error}`)
    this.#host = new RecordHost(host.host, head.window, { did: (output) => this.#did(output) })
  }

  /** Does again what came in, and compares what follows. */
  #run(): void {
    const input = this.#input
    this.#next = 0
    if (this.#result === undefined && input !== undefined) this.#apply(input.line)
    const missing = this.#expected[this.#next]
    if (missing !== undefined) this.#differ(missing, textOf(missing.line), NOTHING)
    this.#expected = []
    this.#input = undefined
  }

  #apply(input: RecordInput): void {
    const host = this.#host
    if (host === undefined) return
    switch (input.e) {
      case 'vm':
        return host.makeVm(input)
      case 'queue':
        this.#operations++
        return host.queue(input)
      case 'answer':
        if (!host.answer(input)) this.#differ(this.#input, textOf(input), 'no ultracall waits')
        return
      case 'turn':
        if (!host.turn(input)) this.#differ(this.#input, textOf(input), 'nobody waits for a turn')
        return
      case 'store':
        return host.store(input)
      case 'deny_frames':
        return host.denyFrames(input)
      case 'drop':
        return host.drop()
      case 'replace':
        return this.#replace(input.state)
      default:
        return unreachable(input)
    }
  }

  #replace(state: unknown): void {
    const { profile } = this.#options
    const restored = hostFromSnapshot(
      state,
      profile === undefined ? {} : { profile: HV_PROFILES[profile] },
    )
    if ('error' in restored) this.#stop(`its state does not fit: ${restored.error}`)
    else this.#host?.replace(restored.host satisfies Host)
  }

  /** The hypervisor did something; an ultracall is told its answer if the record has it at once. */
  #did(output: RecordOutput) {
    if (this.#result !== undefined) return undefined
    const expected = this.#expected[this.#next]
    const [recorded, replayed] = [
      expected === undefined ? NOTHING : textOf(expected.line),
      textOf(output),
    ]
    if (recorded !== replayed) {
      this.#differ(expected ?? this.#input, recorded, replayed)
      return undefined
    }
    this.#next++
    return expected?.line.e === 'ask' ? expected.line.answer : undefined
  }

  #differ(at: Numbered<unknown> | undefined, recorded: string, replayed: string): void {
    const after = this.#input === undefined ? 'the start' : textOf(this.#input.line)
    const difference = { line: at?.at ?? this.#lines, after, recorded, replayed }
    this.#result ??= { how: 'different', difference }
  }
}

/** Runs a record again, from its lines. */
export async function replay(
  lines: AsyncIterable<string> | Iterable<string>,
  options: ReplayOptions = {},
): Promise<Replayed> {
  const run = new Replay(options)
  for await (const line of lines) if (!run.push(line)) break
  return run.end()
}

const isProfile = (name: string): name is HvProfileName => Object.hasOwn(HV_PROFILES, name)

/** What is compared of a line: all but its time and the answer it has. */
function textOf(line: RecordInput | RecordOutput): string {
  if (line.e === 'begin') return `operation ${line.n} begins`
  if (line.e === 'ask') {
    const page = line.page === undefined ? '' : ` with page ${pageText(line.page)}`
    return `operation ${line.n} asks ${line.call}${page}`
  }
  if (line.e === 'end') {
    const why = line.why === undefined ? '' : `: ${line.why}`
    const code = line.code === undefined ? '' : ` with ${line.code}`
    return `operation ${line.n} ends (${line.how})${code}${why}`
  }
  const { t: _t, ...rest } = line
  return JSON.stringify(rest).slice(0, 240)
}

const pageText = (page: object | null): string => JSON.stringify(page)
