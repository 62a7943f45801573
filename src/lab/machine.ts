/**
 * Both sides joined in one process: every ultracall of the hypervisor core is served by the
 * ultravisor core at once, and every hypercall the other way round.
 *
 * The same generators as over a socket; nothing is modelled twice. What differs is that nobody
 * else runs in between.
 */
import type { Ucall, UvReply, UvRequest } from '../abi/calls.ts'
import { Host as HostCode, U } from '../abi/codes.ts'
import {
  asFrame,
  DEVICE_RA_START,
  frameOf,
  gfnOf,
  type Lpid,
  type Page,
  type Ra,
} from '../abi/page.ts'
import { bytesOfPage } from '../abi/page-bytes.ts'
import { present } from '../lib/assert.ts'
import { serve } from '../ultravisor/serve.ts'
import { runSteps, type UvSteps } from '../ultravisor/steps.ts'
import type { Ultravisor } from '../ultravisor/ultravisor.ts'
import { hypercall } from '../uvmem/dispatch.ts'
import type { Host, HvSteps, Vm } from '../uvmem/host.ts'
import { storeInPage } from '../uvmem/host-ram.ts'
import { guestFault } from '../uvmem/vmm/touch.ts'

/** One call between the sides, as it happened. */
export interface Exchange {
  readonly by: 'hv' | 'uv'
  readonly call: Ucall | UvRequest
  readonly ret: number
}

export class Machine {
  readonly host: Host
  readonly uv: Ultravisor
  /** Told of every call between the two sides when it has been answered. */
  onExchange: (exchange: Exchange) => void = () => undefined

  constructor(host: Host, uv: Ultravisor) {
    this.host = host
    this.uv = uv
  }

  vm(lpid: Lpid): Vm {
    return present(this.host.vms.get(lpid), `VM ${lpid}`)
  }

  /** Runs an operation of the hypervisor to its end. */
  hv<R>(steps: HvSteps<R>): R {
    let step = steps.next(0)
    while (step.done !== true) {
      step = steps.next(step.value.call === 'RESCHED' ? 0 : this.#ultracall(step.value))
    }
    return step.value
  }

  /** Runs a call of a guest to its end. */
  guest<R>(steps: UvSteps<R>): R {
    return runSteps(steps, (request) => this.#request(request))
  }

  #ultracall(call: Ucall): number {
    const page = call.call === 'UV_PAGE_IN' ? this.#read(call.ra) : null
    const answer = serve(this.uv, call, page)
    if (call.call === 'UV_PAGE_OUT' && answer.ret === U.SUCCESS) {
      this.host.ram.write(frameOf(call.ra), answer.page ?? null)
    }
    this.onExchange({ by: 'hv', call, ret: answer.ret })
    return answer.ret
  }

  #read(ra: Ra): Page {
    return ra >= DEVICE_RA_START ? null : this.host.ram.read(frameOf(ra))
  }

  #request(request: UvRequest): UvReply {
    const reply = this.#serve(request)
    this.onExchange({ by: 'uv', call: request, ret: reply.ret })
    return reply
  }

  #serve(request: UvRequest): UvReply {
    const vm = this.vm(request.lpid)
    switch (request.call) {
      case 'MEM_READ':
        return this.#load(request.ra, request.offset, request.length, vm.lpid)
      case 'MEM_WRITE':
        return this.#store(request.ra, request.offset, request.bytes, vm.lpid)
      case 'HDSI':
        return { ret: this.hv(guestFault(this.host, vm, gfnOf(request.gpa))) }
      case 'H_SVM_INIT_START':
      case 'H_SVM_INIT_DONE':
      case 'H_SVM_INIT_ABORT':
      case 'H_SVM_TPM_COMM':
      case 'H_SVM_PAGE_IN':
      case 'H_SVM_PAGE_OUT':
        return { ret: this.hv(hypercall(this.host, vm, request)) }
    }
  }

  #load(ra: Ra, offset: number, length: number, lpid: Lpid): UvReply {
    const frame = asFrame(frameOf(ra))
    if (!this.host.ram.belongsTo(frame, lpid)) return { ret: HostCode.EFAULT }
    return { ret: 0, bytes: bytesOfPage(this.host.ram.read(frame), offset, length).slice() }
  }

  #store(ra: Ra, offset: number, bytes: Uint8Array | null, lpid: Lpid): UvReply {
    const { ram } = this.host
    const frame = asFrame(frameOf(ra))
    if (!ram.belongsTo(frame, lpid)) return { ret: HostCode.EFAULT }
    ram.write(frame, bytes === null ? null : storeInPage(ram.read(frame), offset, bytes))
    return { ret: 0 }
  }
}
