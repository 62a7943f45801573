/**
 * A record as a trace that ui.perfetto.dev and chrome://tracing open: Chrome's JSON trace format.
 *
 * The hypervisor and the ultravisors are two processes. Each VM has lanes, and an operation takes the
 * lowest that is free: it is a slice there, its ultracalls are slices in the same lane on the other
 * side, and an arrow goes from each hypercall to its ultracalls, and on to what was made inside them.
 *
 * Source: "Trace Event Format" (complete, metadata and flow events). An arrow belongs to the slices
 * that are open at its time, so it lies a nanosecond behind the start of the slice that it points to:
 * slices that took no measurable time have none.
 */
import type { RecordCall, RecordOutput, RecordWish } from '../../schemas/record.ts'
import { journalCodeName } from './journal-codes.ts'
import { readRecordLine } from './record-read.ts'

const HYPERVISOR = 1
const ULTRAVISOR = 2
/** Lanes that a VM has numbers for. */
const lanesMax = 100_000
/** Perfetto names a thread by its number alone: ultravisors have numbers of their own. */
const ULTRAVISOR_TIDS = 1_000_000_000

const tidOf = (pid: number, lane: number): number =>
  pid === ULTRAVISOR ? lane + ULTRAVISOR_TIDS : lane

interface Slice {
  readonly name: string
  readonly lane: number
  readonly start: number
  readonly args: Readonly<Record<string, unknown>>
}

interface OpenOperation extends Slice {
  readonly lpid: number
  /** Lane of the ultracall in whose context it was made; undefined when there was none. */
  readonly askedIn: number | undefined
  asked: Slice | undefined
}

export class TraceWriter {
  readonly #write: (text: string) => void
  readonly #open = new Map<number, OpenOperation>()
  /** Operations that wait for their turn. */
  readonly #queued = new Map<
    number,
    { readonly name: string; readonly lpid: number; readonly inside: number; readonly args: object }
  >()
  readonly #lanes = new Map<number, boolean[]>()
  #flows = 0
  #events = 0
  #lines = 0
  /** Milliseconds of the newest line. */
  #now = 0

  /** `write` takes pieces of the trace file, in their order. */
  constructor(write: (text: string) => void) {
    this.#write = write
    this.#write('{"displayTimeUnit":"ns","traceEvents":[')
    this.#name(HYPERVISOR, 'hypervisor')
    this.#name(ULTRAVISOR, 'ultravisors')
  }

  /** Takes the next line of a record. @returns what is wrong with it. */
  push(text: string): string | undefined {
    this.#lines++
    const item = readRecordLine(text)
    if (item.kind === 'bad') return `line ${this.#lines}: ${item.why}`
    const { line } = item
    if ('t' in line) this.#now = line.t
    if (line.e === 'queue') {
      const { n, lpid, inside = 0, call, wish } = line
      this.#queued.set(n, {
        name: call?.call ?? wish?.name ?? '',
        lpid,
        inside,
        args: argsOf(call ?? wish ?? {}),
      })
    } else if (line.e === 'begin') this.#begin(line.n, line.t)
    else if (line.e === 'ask') {
      this.#ask(line.n, line.call, line.t)
      if (line.answer !== undefined) this.#answer(line.n, line.answer.ret, line.answer.t)
    } else if (line.e === 'answer') this.#answer(line.n, line.ret, line.t)
    else if (line.e === 'end') this.#ended(line)
    return undefined
  }

  /** The record is over: the trace is whole. What is still under way lasts until then. */
  end(): void {
    for (const [n, { asked }] of [...this.#open]) {
      if (asked !== undefined) this.#slice(ULTRAVISOR, asked, this.#now, { how: 'open' })
      this.#end(n, this.#now, { how: 'open' })
    }
    this.#write(']}\n')
  }

  #begin(n: number, t: number): void {
    const queued = this.#queued.get(n)
    if (queued === undefined) return
    const { name, lpid, inside, args } = queued
    const lane = this.#takeLane(lpid)
    const outer = this.#open.get(inside)
    const askedIn = outer?.asked === undefined ? undefined : outer.lane
    const operation = { name, lane, start: t, args: { n, ...args }, lpid, askedIn }
    this.#open.set(n, { ...operation, asked: undefined })
  }

  #ask(n: number, call: string, t: number): void {
    const operation = this.#open.get(n)
    if (operation === undefined) return
    const [name = call] = call.split(' ')
    operation.asked = { name, lane: operation.lane, start: t, args: { n, call } }
  }

  #answer(n: number, ret: number, t: number): void {
    const operation = this.#open.get(n)
    const asked = operation?.asked
    if (operation === undefined || asked === undefined) return
    operation.asked = undefined
    this.#slice(ULTRAVISOR, asked, t, { ret, answer: journalCodeName(asked.name, ret) })
    this.#flow(HYPERVISOR, asked.lane, ULTRAVISOR, asked, t)
  }

  #ended({ n, t, how, code, why }: Extract<RecordOutput, { e: 'end' }>): void {
    const name = this.#open.get(n)?.name ?? ''
    const answer = code === undefined ? {} : { code, answer: journalCodeName(name, code) }
    this.#end(n, t, { how, ...answer, why })
  }

  #end(n: number, t: number, end: object): void {
    const operation = this.#open.get(n)
    this.#queued.delete(n)
    if (operation === undefined) return
    this.#open.delete(n)
    this.#slice(HYPERVISOR, operation, t, end)
    const { askedIn } = operation
    if (askedIn !== undefined) this.#flow(ULTRAVISOR, askedIn, HYPERVISOR, operation, t)
    const lanes = this.#lanes.get(operation.lpid)
    if (lanes !== undefined) lanes[operation.lane % lanesMax] = false
  }

  #takeLane(lpid: number): number {
    const lanes = this.#lanes.get(lpid) ?? []
    this.#lanes.set(lpid, lanes)
    const free = lanes.indexOf(false)
    const lane = free < 0 ? lanes.length : free
    const tid = lpid * lanesMax + lane
    if (free < 0) {
      for (const pid of [HYPERVISOR, ULTRAVISOR]) {
        const args = { name: `VM ${lpid}${lane === 0 ? '' : `, lane ${lane}`}` }
        this.#event({ ph: 'M', name: 'thread_name', pid, tid: tidOf(pid, tid), args })
      }
    }
    lanes[lane] = true
    return tid
  }

  #name(pid: number, name: string): void {
    this.#event({ ph: 'M', name: 'process_name', pid, args: { name } })
  }

  #slice(pid: number, { name, lane, start, args }: Slice, end: number, more: object): void {
    const ts = micros(start)
    const dur = thousandths(micros(end) - ts)
    this.#event({
      ph: 'X',
      cat: 'call',
      name,
      pid,
      tid: tidOf(pid, lane),
      ts,
      dur,
      args: { ...args, ...more },
    })
  }

  /** An arrow to a slice that ends now, from the one that is open in a lane when it begins. */
  #flow(fromPid: number, fromLane: number, toPid: number, to: Slice, end: number): void {
    const ts = thousandths(micros(to.start) + ARROW_US)
    if (ts >= micros(end)) return
    this.#flows++
    const flow = { cat: 'call', name: 'call', id: this.#flows, ts }
    this.#event({ ph: 's', ...flow, pid: fromPid, tid: tidOf(fromPid, fromLane) })
    this.#event({ ph: 'f', bp: 'e', ...flow, pid: toPid, tid: tidOf(toPid, to.lane) })
  }

  #event(event: object): void {
    this.#write(`${this.#events === 0 ? '' : ','}\n${JSON.stringify(event)}`)
    this.#events++
  }
}

/** Microseconds from the start of a slice to the end of the arrow to it: a nanosecond. */
const ARROW_US = 0.001

/** With three digits behind the point. */
const thousandths = (value: number): number => Math.round(value * 1_000) / 1_000
/** Microseconds of milliseconds. */
const micros = (ms: number): number => thousandths(ms * 1_000)

/** Addresses as they are read, and how many bytes there are in place of the bytes themselves. */
const ADDRESSES = new Set(['gpa', 'startGpa', 'size', 'flags'])
function argsOf(what: RecordCall | RecordWish | object): object {
  return Object.fromEntries(
    Object.entries(what).map(([key, value]) => {
      if (key === 'bytes' && typeof value === 'string')
        return [key, (value.replace(/=+$/, '').length * 3) >> 2]
      return [key, ADDRESSES.has(key) ? `0x${Number(value).toString(16)}` : value]
    }),
  )
}
