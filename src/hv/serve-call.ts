/** How a call of an ultravisor ends: with an error at once, or with the code of an operation. */
import type { WireErrorName } from '../../schemas/errors.ts'
import type { DownCall, ErrorData, UpCall } from '../../schemas/messages.ts'
import type { Gfn, Lpid } from '../abi/page.ts'
import type { HvSteps, Vm } from '../uvmem/host.ts'
import { gfnOfCall } from './call-frame.ts'
import type { Hypervisor, LimitPassed } from './hypervisor.ts'
import type { Ended, Footprint, Operation, Task, UvCall } from './operation.ts'

export function fail(hv: Hypervisor, call: UvCall, error: WireErrorName, data?: ErrorData): void {
  hv.watch.refused(call, error)
  call.fail(error, data)
}

export const failLimit = (hv: Hypervisor, call: UvCall, { limit, max }: LimitPassed): void =>
  fail(hv, call, 'LIMIT_REACHED', { limit, max })

/** A call that is about a VM. */
export type VmCall = Exclude<UpCall, { call: 'SESSION_OPEN' }>

/** How a call is carried out. Most are the same for each time that the call comes. */
export interface Way<Body extends VmCall, R> {
  readonly begin: (hv: Hypervisor, vm: Vm, body: Body) => HvSteps<R>
  /** Turns a result into the call's return code. */
  readonly finish: (hv: Hypervisor, body: Body, result: R) => number
}

/** Queues the operation that a call asks for, unless the call would wait for itself. */
export function queue<Body extends VmCall, R>(
  hv: Hypervisor,
  call: UvCall,
  body: Body,
  footprint: Footprint,
  way: Way<Body, R>,
): void {
  const { lpid } = body
  const leave = hv.deadlocks.enter(call, lpid)
  if (leave === undefined) return fail(hv, call, 'DEADLOCK', { lpid, call: body.call })
  hv.submit(new CalledOperation(hv, call, body, footprint, way, leave))
}

/** An object with methods: this is made for each page, and closures would be several objects. */
class CalledOperation<Body extends VmCall, R> implements Operation<R> {
  readonly name: string
  readonly lpid: Lpid
  readonly gfn: Gfn | undefined
  readonly call: UvCall
  readonly footprint: Footprint
  readonly inside: Task | undefined
  readonly #hv: Hypervisor
  readonly #body: Body
  readonly #way: Way<Body, R>
  readonly #leave: () => void

  /** `leave`: to be called when the call waits no longer. */
  constructor(
    hv: Hypervisor,
    call: UvCall,
    body: Body,
    footprint: Footprint,
    way: Way<Body, R>,
    leave: () => void,
  ) {
    this.name = body.call
    this.lpid = body.lpid
    this.gfn = gfnOfCall(body)
    this.call = call
    this.footprint = footprint
    const asking = call.parent === 0 ? undefined : call.ancestors()[0]?.body
    this.inside = asking === undefined ? undefined : hv.taskAsking(asking as DownCall)
    this.#hv = hv
    this.#body = body
    this.#way = way
    this.#leave = leave
  }

  begin(vm: Vm): HvSteps<R> {
    return this.#way.begin(this.#hv, vm, this.#body)
  }

  done(end: Ended<R>): void {
    this.#leave()
    const { call } = this
    if (end.how === 'done') call.answer(this.#way.finish(this.#hv, this.#body, end.result))
    else if (end.how === 'fault') call.fail('HOST_FAULT', { ...end.fault })
    else call.fail('LPID_UNKNOWN', { lpid: this.lpid })
  }
}
