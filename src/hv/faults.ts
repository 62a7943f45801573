/**
 * The fault rules in force, and which of them a call meets.
 *
 * Rules are asked in the order in which they were added. Each counts the calls that fit it; the first
 * that fires decides, and those behind it do not see the call.
 */
import { type FaultAction, type FaultRule, faultRulesMax } from '../../schemas/faults.ts'
import type { Lpid } from '../abi/page.ts'
import { type Prng, prng } from '../lib/prng.ts'

/** A rule with what it has done so far. */
export interface FaultEntry {
  readonly id: string
  readonly rule: FaultRule
  /** Calls that fitted. */
  readonly seen: number
  /** Calls that something was done to. */
  readonly hits: number
}

/** A rule that fired, and on what. */
export interface FaultHit {
  readonly id: string
  readonly name: string | undefined
  readonly action: FaultAction
  readonly call: string
  readonly lpid: number
  readonly gfn: number | undefined
}

class ActiveRule implements FaultEntry {
  readonly id: string
  readonly rule: FaultRule
  readonly #chance: Prng
  seen = 0
  hits = 0

  constructor(id: string, rule: FaultRule) {
    this.id = id
    this.rule = rule
    this.#chance = prng(rule.seed ?? 0)
  }

  fires(lpid: number, gfn: number | undefined): boolean {
    const { nth, every, times, probability } = this.rule
    if (!this.#fits(lpid, gfn)) return false
    this.seen++
    // Drawn for every call that fits, so that the same calls are hit whatever else the rule says.
    const lucky = probability === undefined || this.#chance.real() < probability
    if (!lucky || (times !== undefined && this.hits >= times)) return false
    if (nth !== undefined && this.seen !== nth) return false
    if (every !== undefined && this.seen % every !== 0) return false
    this.hits++
    return true
  }

  #fits(lpid: number, gfn: number | undefined): boolean {
    const { lpid: ours, gfn: first, count = 1 } = this.rule
    if (ours !== undefined && ours !== lpid) return false
    if (first === undefined) return true
    return gfn !== undefined && gfn >= first && gfn < first + count
  }
}

export class Faults {
  readonly #removed: (ids: ReadonlySet<string>) => void
  readonly #rules: ActiveRule[] = []
  readonly #byCall = new Map<string, ActiveRule[]>()
  #added = 0

  /** `removed` is told which rules have gone. */
  constructor(removed: (ids: ReadonlySet<string>) => void = () => undefined) {
    this.#removed = removed
  }

  /** Rules in force: with none, no call is looked at. */
  get size(): number {
    return this.#rules.length
  }

  list(): readonly FaultEntry[] {
    return this.#rules.map(({ id, rule, seen, hits }) => ({ id, rule, seen, hits }))
  }

  /** The rule, now asked last; undefined when there are `faultRulesMax` already. */
  add(rule: FaultRule): FaultEntry | undefined {
    if (this.#rules.length >= faultRulesMax) return undefined
    this.#added++
    const active = new ActiveRule(`f${this.#added}`, rule)
    this.#rules.push(active)
    const same = this.#byCall.get(rule.call) ?? []
    same.push(active)
    this.#byCall.set(rule.call, same)
    const { id, seen, hits } = active
    return { id, rule, seen, hits }
  }

  /** False when there is no such rule. */
  remove(id: string): boolean {
    const at = this.#rules.findIndex((each) => each.id === id)
    const [gone] = at < 0 ? [] : this.#rules.splice(at, 1)
    if (gone === undefined) return false
    const same = this.#byCall.get(gone.rule.call)?.filter((each) => each !== gone) ?? []
    if (same.length === 0) this.#byCall.delete(gone.rule.call)
    else this.#byCall.set(gone.rule.call, same)
    this.#removed(new Set([id]))
    return true
  }

  clear(): void {
    const gone = this.#rules.splice(0)
    this.#byCall.clear()
    this.#removed(new Set(gone.map(({ id }) => id)))
  }

  /** The rule that fires on a call, if one does. */
  on(call: string, lpid: Lpid | 0, gfn: number | undefined): FaultHit | undefined {
    const rule = this.#byCall.get(call)?.find((each) => each.fires(lpid, gfn))
    if (rule === undefined) return undefined
    const { name, action } = rule.rule
    return { id: rule.id, name, action, call, lpid, gfn }
  }
}
