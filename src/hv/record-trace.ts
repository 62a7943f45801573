/**
 * A record as a trace that ui.perfetto.dev and chrome://tracing open: Chrome's JSON trace format.
 *
 * The hypervisor and the ultravisors are two processes. Each VM has lanes, and an operation takes the
 * lowest that is free: it is a slice there, its ultracalls are slices in the same lane on the other
 * side, and an arrow goes from each hypercall to its ultracalls, and on to what was made inside them.
 */
import { readRecordLine } from './record-read.ts'

const HYPERVISOR = 1
const ULTRAVISOR = 2
/** Lanes that a VM has numbers for. */
const lanesMax = 100_000

interface Slice {
  readonly name: string
  readonly lane: number
  readonly start: number
  readonly args: Readonly<Record<string, unknown>>
}

interface OpenOperation extends Slice {
  readonly lpid: number
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
    if (line.e === 'queue') {
      const { n, lpid, inside = 0, call, wish } = line
      this.#queued.set(n, {
        name: call?.call ?? wish?.name ?? '',
        lpid,
        inside,
        args: call ?? wish ?? {},
      })
    } else if (line.e === 'begin') this.#begin(line.n, line.t)
    else if (line.e === 'ask') {
      this.#ask(line.n, line.call, line.t)
      if (line.answer !== undefined) this.#answer(line.n, line.answer.ret, line.answer.t)
    } else if (line.e === 'answer') this.#answer(line.n, line.ret, line.t)
    else if (line.e === 'end')
      this.#end(line.n, line.t, { how: line.how, code: line.code, why: line.why })
    return undefined
  }

  /** The record is over: the trace is whole. */
  end(): void {
    this.#write(']}\n')
  }

  #begin(n: number, t: number): void {
    const queued = this.#queued.get(n)
    if (queued === undefined) return
    const { name, lpid, inside, args } = queued
    const lane = this.#takeLane(lpid)
    this.#open.set(n, { name, lane, start: t, args: { n, ...args }, lpid, asked: undefined })
    const outer = this.#open.get(inside)
    if (outer?.asked !== undefined) this.#flow(ULTRAVISOR, outer.lane, HYPERVISOR, lane, t)
  }

  #ask(n: number, call: string, t: number): void {
    const operation = this.#open.get(n)
    if (operation === undefined) return
    const [name = call] = call.split(' ')
    operation.asked = { name, lane: operation.lane, start: t, args: { n, call } }
    this.#flow(HYPERVISOR, operation.lane, ULTRAVISOR, operation.lane, t)
  }

  #answer(n: number, ret: number, t: number): void {
    const operation = this.#open.get(n)
    const asked = operation?.asked
    if (operation === undefined || asked === undefined) return
    operation.asked = undefined
    this.#slice(ULTRAVISOR, asked, t, { ret })
  }

  #end(n: number, t: number, end: object): void {
    const operation = this.#open.get(n)
    this.#queued.delete(n)
    if (operation === undefined) return
    this.#open.delete(n)
    this.#slice(HYPERVISOR, operation, t, end)
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
        this.#event({ ph: 'M', name: 'thread_name', pid, tid, args })
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
    const dur = micros(end) - ts
    this.#event({ ph: 'X', cat: 'call', name, pid, tid: lane, ts, dur, args: { ...args, ...more } })
  }

  /** An arrow between two slices that are open at that time. */
  #flow(fromPid: number, fromTid: number, toPid: number, toTid: number, t: number): void {
    this.#flows++
    const flow = { cat: 'call', name: 'call', id: this.#flows, ts: micros(t) }
    this.#event({ ph: 's', ...flow, pid: fromPid, tid: fromTid })
    this.#event({ ph: 'f', bp: 'e', ...flow, pid: toPid, tid: toTid })
  }

  #event(event: object): void {
    this.#write(`${this.#events === 0 ? '' : ','}\n${JSON.stringify(event)}`)
    this.#events++
  }
}

/** Microseconds with three digits behind the point, of milliseconds. */
const micros = (ms: number): number => Math.round(ms * 1_000_000) / 1_000
