/**
 * The small world in which a story is played: both cores joined, one VM, and answers of the other
 * side that a line may put in place of the served ones.
 */
import type { Ucall, UvReply, UvRequest } from '../../src/abi/calls.ts'
import { uCodeName } from '../../src/abi/codes.ts'
import { asGfn, asSlotId, frameOf, gfnOf, PAGE_SIZE } from '../../src/abi/page.ts'
import { type Exchange, Machine } from '../../src/lab/machine.ts'
import { nodeCipher } from '../../src/peer/node-cipher.ts'
import type { UvProfile } from '../../src/ultravisor/profile.ts'
import type { UvSteps } from '../../src/ultravisor/steps.ts'
import { newUltravisor } from '../../src/ultravisor/ultravisor.ts'
import { type HvSteps, newHost, type Vm } from '../../src/uvmem/host.ts'
import type { HvProfile } from '../../src/uvmem/profile.ts'
import { createVm } from '../../src/uvmem/vmm/life.ts'
import { LPID, type StageOptions } from './defect.ts'
import { type Line, parseLine, slotOf } from './line.ts'
import { changesOf, describeHv, describeUv, type State } from './stage-state.ts'
import { replyName } from './told.ts'
import { VERBS } from './verbs.ts'

/** What the two sides run. */
export interface Profiles {
  readonly hv: HvProfile
  readonly uv: UvProfile
}

export class Stage {
  readonly machine: Machine
  /** While true every encryption fails. */
  sealFails = false
  readonly #shows: 'hv' | 'uv' | undefined
  readonly #watched: readonly number[]
  #seen: string[] = []

  constructor({ hv, uv }: Profiles, options: StageOptions = {}) {
    const { slots = '0:0+2', pool = 4, units = 64, svmEnabled = true } = options
    const cipher = {
      ...nodeCipher,
      seal: (...args: Parameters<typeof nodeCipher.seal>) =>
        this.sealFails ? undefined : nodeCipher.seal(...args),
    }
    this.machine = new Machine(
      newHost({ profile: hv, poolSize: pool, frames: 1_000 }),
      newUltravisor({ profile: uv, cipher, secureUnits: units }),
    )
    const wished = slots.split(' ').map(slotOf)
    createVm(this.machine.host, {
      lpid: LPID,
      radix: true,
      svmEnabled,
      slots: wished.map(({ id, base, pages }) => ({ id: asSlotId(id), base: asGfn(base), pages })),
    })
    this.#shows = options.shows
    this.#watched =
      options.watch ??
      wished.flatMap(({ base, pages }) => Array.from({ length: pages }, (_, i) => base + i))
    this.machine.onExchange = (exchange) => this.#note(exchange)
    for (const line of options.given ?? []) this.#prepare(line)
  }

  get vm(): Vm {
    return this.machine.vm(LPID)
  }

  /** Plays a line; what it came to, the calls between the sides, and what has changed. */
  play(text: string): readonly string[] {
    const before = this.#look()
    this.#seen = []
    const result = this.#run(text)
    return [result, ...this.#seen, ...changesOf(before, this.#look())]
  }

  /** Runs steps of the hypervisor, with the answers that the line gives. */
  hv<R>(steps: HvSteps<R>, { answers, oom }: Line): R {
    const { host } = this.machine
    host.deniesFrames = oom
    const result = this.machine.hv(this.#answered(steps, [...answers]))
    host.deniesFrames = false
    return result
  }

  /** Runs steps of a guest's call, likewise. */
  guest<R>(steps: UvSteps<R>, line: Line): R {
    return this.machine.guest(this.#served(steps, line))
  }

  #run(text: string): string {
    const line = parseLine(text)
    const verb = VERBS[line.verb]
    if (verb === undefined) throw new Error(`no such line: ${text}`)
    return verb(this, line)
  }

  #prepare(text: string): void {
    const result = this.#run(text)
    if (!/(OK|SUCCESS)$/.test(result)) throw new Error(`${text}: ${result}`)
  }

  *#answered<R>(steps: HvSteps<R>, answers: string[]): HvSteps<R> {
    let step = steps.next(0)
    while (step.done !== true) {
      const call = step.value
      const given = call.call === 'RESCHED' ? '.' : (answers.shift() ?? '.')
      let ret: number
      if (given === '.') ret = yield call
      else {
        ret = Number(given)
        if (call.call !== 'RESCHED') this.#note({ by: 'hv', call, ret })
      }
      step = steps.next(ret)
    }
    return step.value
  }

  *#served<R>(steps: UvSteps<R>, { answers, meanwhile }: Line): UvSteps<R> {
    const left = [...answers]
    let count = 0
    let step = steps.next({ ret: 0 })
    if (step.done !== true) this.#meanwhile(meanwhile.get(0))
    while (step.done !== true) {
      const asked = step.value
      const replies: UvReply[] = []
      for (const request of 'call' in asked ? [asked] : asked) {
        const given = left.shift() ?? '.'
        replies.push(given === '.' ? ((yield request) as UvReply) : this.#given(request, given))
        this.#meanwhile(meanwhile.get(++count))
      }
      step = steps.next('call' in asked ? (replies[0] as UvReply) : replies)
    }
    return step.value
  }

  #given(call: UvRequest, answer: string): UvReply {
    const ret = Number(answer)
    this.#note({ by: 'uv', call, ret })
    return { ret }
  }

  #meanwhile(text: string | undefined): void {
    if (text !== undefined) this.#seen.push(`meanwhile ${text}: ${this.#run(text)}`)
  }

  #note({ by, call, ret }: Exchange): void {
    const code = by === 'hv' ? uCodeName(ret) : replyName(ret)
    this.#seen.push(`${by === 'hv' ? 'HV' : 'UV'} asks ${textOf(call)}: ${code}`)
  }

  #look(): State {
    const { host, uv } = this.machine
    const hv = this.#shows === 'uv' ? [] : describeHv(host, LPID, this.#watched)
    return new Map([...hv, ...(this.#shows === 'hv' ? [] : describeUv(uv, LPID, this.#watched))])
  }
}

/** A call with what tells it from others of its name. */
function textOf(call: Ucall | UvRequest): string {
  const { call: name } = call
  if (name === 'H_SVM_PAGE_IN')
    return `${name} ${gfnOf(call.gpa)}${call.flags === 1 ? ' shared' : ''}`
  if (name === 'UV_REGISTER_MEM_SLOT') {
    return `${name} ${call.slotId}:${gfnOf(call.startGpa)}+${call.size / PAGE_SIZE}`
  }
  if ('slotId' in call) return `${name} ${call.slotId}`
  if ('gpa' in call) return `${name} ${gfnOf(call.gpa)}`
  return 'ra' in call ? `${name} of frame ${frameOf(call.ra)}` : name
}
