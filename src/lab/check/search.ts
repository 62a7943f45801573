/**
 * Looks through every state of a small world, nearest first, so that the first way found to
 * something wrong is a shortest one.
 */
import { type Broken, brokenOf } from '../invariants.ts'
import { loadGuest, makeVm } from './acts.ts'
import { KeyReader, KeyWriter } from './byte-key.ts'
import { StateEncoder } from './encode.ts'
import { Live, type Setup } from './live.ts'
import { beginnings, make, progress, tryMove } from './moves.ts'
import { StateRestorer } from './restore.ts'
import { expansionMax, Visited } from './visited.ts'

export interface SearchLimits {
  readonly statesMax: number
  /** Bytes that the states seen, and the ways to them, may take. */
  readonly bytesMax: number
  /** Different things that are found before the search ends. */
  readonly findingsMax: number
  /**
   * States with calls under way count as different when the ways to them since the last rest are:
   * for the test that telling them apart by their keys loses nothing.
   */
  readonly keepsWays?: boolean
}

export interface CheckFinding {
  readonly id: Broken['id'] | 'DEADLOCK'
  readonly what: string
  readonly lpid?: number
  readonly gfn?: number
  /** The moves that lead to it from the first state. */
  readonly moves: readonly number[]
}

export interface CheckResult {
  readonly states: number
  readonly transitions: number
  readonly depth: number
  readonly findings: readonly CheckFinding[]
  /** `exhausted`, or why the search ended before. */
  readonly end: 'exhausted' | 'found' | 'states' | 'memory'
  readonly bytes: number
  /** States in which no call is under way. */
  readonly quietStates: number
}

/** The first state: every VM with its guest in memory. */
export function firstState(setup: Setup): Live {
  const live = new Live(setup)
  for (const { lpid } of live.vms) {
    const steps = loadGuest(live, makeVm(live.host, lpid, setup.world.frames))
    // Normal memory is loaded without asking anybody.
    steps.next(0)
  }
  return live
}

const QUIET = 2 ** 30

export class Search {
  readonly #setup: Setup
  readonly #limits: SearchLimits
  readonly #visited: Visited
  readonly #key = new KeyWriter()
  readonly #encoder: StateEncoder
  readonly #restorer: StateRestorer
  /** The state that each was reached from, and by which move; `QUIET` marks states at rest. */
  #parents = new Int32Array(1 << 16)
  #moves = new Int32Array(1 << 16)
  readonly #findings: CheckFinding[] = []
  readonly #found = new Set<string>()
  /** States that break an invariant: nobody looks beyond them. */
  readonly #dead = new Set<number>()
  #transitions = 0
  #quiet = 0
  /** Told of every new state, alive: it must not be kept. */
  onState: ((live: Live) => void) | undefined
  /** Told now and then. */
  onProgress: ((states: number, transitions: number, depth: number) => void) | undefined

  constructor(setup: Setup, limits: SearchLimits) {
    this.#setup = setup
    this.#limits = limits
    this.#visited = new Visited(limits.bytesMax)
    this.#encoder = new StateEncoder(new Live(setup), this.#key)
    this.#restorer = new StateRestorer(setup, new KeyReader(new Uint8Array(0)))
  }

  run(): CheckResult {
    this.#note(firstState(this.#setup), -1, 0)
    let depth = 0
    let layerEnd = 1
    for (let state = 0; state < this.#visited.size; state++) {
      if (state === layerEnd) {
        depth++
        layerEnd = this.#visited.size
      }
      if (this.#findings.length >= this.#limits.findingsMax) return this.#result('found', depth)
      if (this.#visited.size >= this.#limits.statesMax) return this.#result('states', depth)
      if (!this.#visited.hasRoom(this.#wayBytes)) return this.#result('memory', depth)
      if (!this.#dead.has(state)) this.#expand(state)
      if ((state & 0x3fff) === 0) this.onProgress?.(this.#visited.size, this.#transitions, depth)
    }
    return this.#result(this.#findings.length > 0 ? 'found' : 'exhausted', depth)
  }

  #result(end: CheckResult['end'], depth: number): CheckResult {
    return {
      states: this.#visited.size,
      transitions: this.#transitions,
      depth,
      findings: this.#findings,
      end,
      bytes: this.#visited.bytes + this.#parents.byteLength + this.#moves.byteLength,
      quietStates: this.#quiet,
    }
  }

  #expand(state: number): void {
    const live = this.#alive(state)
    const moves: number[] = []
    const underWay = progress(live, moves)
    if (underWay && moves.length === 0) {
      this.#report(state, -1, [
        { id: 'DEADLOCK', what: 'calls are under way, and none of them can ever go on' },
      ])
      return
    }
    beginnings(live, moves)
    for (let i = 0; i < moves.length; i++) {
      const move = moves[i] as number
      const next = i === 0 ? live : this.#alive(state)
      this.#transitions++
      if (this.#made(next, state, move)) this.#note(next, state, move)
    }
  }

  /** Makes a move; false when a rule broke that the code itself guarantees, which is a finding. */
  #made(live: Live, state: number, move: number): boolean {
    const broke = tryMove(live, move)
    if (broke === undefined) return true
    this.#report(state, move, [{ id: 'FAULT', what: `our own rule: ${broke}` }])
    this.#restorer.forget()
    return false
  }

  /** Takes a state in; one that breaks an invariant is reported and not looked beyond. */
  #note(live: Live, parent: number, move: number): void {
    this.#encoder.encode(live)
    if (this.#limits.keepsWays === true && !live.isQuiet) this.#putWay(parent, move)
    const state = this.#visited.add(this.#key.bytes, this.#key.length)
    const broken = live.broken
    if (state < 0) {
      if (broken.length > 0) this.#report(parent, move, broken)
      return
    }
    if (state >= this.#parents.length) this.#grow()
    const quiet = live.isQuiet
    if (quiet) this.#quiet++
    this.onState?.(live)
    this.#parents[state] = parent
    this.#moves[state] = quiet ? move + QUIET : move
    const found = broken.concat(
      brokenOf(live, (lpid) => live.vms.every((vm) => vm.lpid !== lpid || live.isAtRest(vm))),
    )
    if (found.length === 0) return
    this.#report(parent, move, found)
    this.#dead.add(state)
  }

  #putWay(parent: number, last: number): void {
    let move = last
    for (let at = parent; ; at = this.#parents[at] as number) {
      this.#key.put(move & 255)
      this.#key.put((move >> 8) & 255)
      move = this.#moves[at] as number
      if (at <= 0 || (move & QUIET) !== 0) return
    }
  }

  #report(
    state: number,
    move: number,
    broken: readonly { id: CheckFinding['id']; what: string; lpid?: number; gfn?: number }[],
  ): void {
    for (const each of broken) {
      const name = `${each.id} ${each.what.replace(/\d+/g, 'n')}`
      if (this.#found.has(name) || this.#findings.length >= this.#limits.findingsMax) continue
      this.#found.add(name)
      const moves = move < 0 ? this.#pathTo(state) : [...this.#pathTo(state), move]
      this.#findings.push({ ...each, moves })
    }
  }

  /** The moves from the first state to this one. */
  #pathTo(state: number): number[] {
    const moves: number[] = []
    for (let at = state; at > 0; at = this.#parents[at] as number) {
      moves.push((this.#moves[at] as number) & (QUIET - 1))
    }
    return moves.reverse()
  }

  /** The state alive: from the last one at rest before it, and the moves since. */
  #alive(state: number): Live {
    const path: number[] = []
    let at = state
    while (at > 0 && ((this.#moves[at] as number) & QUIET) === 0) {
      path.push(this.#moves[at] as number)
      at = this.#parents[at] as number
    }
    const live = this.#restorer.restore(this.#visited.keyOf(at))
    for (let i = path.length - 1; i >= 0; i--) make(live, path[i] as number)
    return live
  }

  /** Bytes for the ways to the states, and for making room for more. */
  get #wayBytes(): number {
    const grows = this.#visited.size + expansionMax >= this.#parents.length
    return (this.#parents.byteLength + this.#moves.byteLength) * (grows ? 3 : 1)
  }

  #grow(): void {
    const parents = new Int32Array(this.#parents.length * 2)
    parents.set(this.#parents)
    this.#parents = parents
    const moves = new Int32Array(this.#moves.length * 2)
    moves.set(this.#moves)
    this.#moves = moves
  }
}
