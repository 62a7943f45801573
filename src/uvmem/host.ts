/**
 * The hypervisor's whole state, and the shape of an operation on it.
 *
 * Sources: struct kvm_arch (secure_guest, svm_enabled, uvmem_pfns) and book3s_hv_uvmem.c.
 */

import type { Ucall } from '../abi/calls.ts'
import { H } from '../abi/codes.ts'
import type { Lpid } from '../abi/page.ts'
import { RecentMap } from '../lib/recent-map.ts'
import { DevicePages } from './device-pages.ts'
import { HostRam, hostFramesMax } from './host-ram.ts'
import { MemSlots, type Region } from './mem-slots.ts'
import { Pins } from './pins.ts'
import type { HvProfile } from './profile.ts'
import type { Reason } from './reason.ts'
import { UvmemSlots } from './uvmem-slots.ts'

/** A place where a long operation lets others run. Source: cond_resched(). */
export interface Resched {
  readonly call: 'RESCHED'
}
export const RESCHED: Resched = { call: 'RESCHED' }

/** What an operation asks for in the middle: an ultracall's code, or a moment for others. */
export type HvStep = Ucall | Resched

/**
 * An operation as pure steps: it yields calls, is handed their codes (0 for RESCHED) and returns its
 * own. The caller holds the VM's queue meanwhile, as the kernel holds uvmem_lock.
 */
export type HvSteps<R = number> = Generator<HvStep, R, number>

/** How the real kernel would end where it can't go on. */
export const FaultKind = {
  /** It would repeat for ever. */
  Livelock: 'LIVELOCK',
  /** It would dereference a wild pointer. */
  Oops: 'OOPS',
  /** It would wait for a lock that it holds itself. */
  Deadlock: 'DEADLOCK',
  /** It would return with a lock held. */
  LockLeak: 'LOCK_LEAK',
  /** It would run into a BUG(). */
  Bug: 'BUG',
} as const
export type FaultKind = (typeof FaultKind)[keyof typeof FaultKind]

export interface HostFault {
  readonly kind: FaultKind
  readonly message: string
}

export interface Vm {
  readonly lpid: Lpid
  readonly radix: boolean
  /** KVM_CAP_PPC_SECURE_GUEST is on. */
  readonly svmEnabled: boolean
  /** SECURE_INIT_START | SECURE_INIT_DONE (vm-state.ts). */
  secureGuest: number
  readonly slots: MemSlots
  readonly uvmem: UvmemSlots
  /** Mappings that outlived their slot. */
  readonly kept: Region[]
  readonly pins: Pins
  /** Set once the real kernel would hang or crash: the VM is stopped until it is destroyed. */
  fault: HostFault | undefined
  /** Why the last call was refused. */
  reason: Reason | undefined
}

export interface HostOptions {
  readonly profile: HvProfile
  /** Device PFNs in the pool: 0 (no ultravisor) to devicePfnsMax. */
  readonly poolSize: number
  /** Frames of normal memory. */
  readonly frames?: number
  /** After H_SVM_INIT_DONE each migration tells the ultravisor through the MMU notifier. */
  readonly notifiesMigrations?: boolean
}

export interface Host {
  readonly profile: HvProfile
  readonly notifiesMigrations: boolean
  /** While true no page-out finds a normal frame: alloc_page_vma() fails. */
  deniesFrames: boolean
  readonly devices: DevicePages
  readonly ram: HostRam
  readonly vms: RecentMap<Lpid, Vm>
}

export function newHost(options: HostOptions): Host {
  return {
    profile: options.profile,
    notifiesMigrations: options.notifiesMigrations ?? false,
    deniesFrames: false,
    devices: new DevicePages(options.poolSize),
    ram: new HostRam(options.frames ?? hostFramesMax),
    vms: new RecentMap(),
  }
}

export function newVm(lpid: Lpid, radix: boolean, svmEnabled: boolean): Vm {
  return {
    lpid,
    radix,
    svmEnabled,
    secureGuest: 0,
    slots: new MemSlots(),
    uvmem: new UvmemSlots(),
    kept: [],
    pins: new Pins(),
    fault: undefined,
    reason: undefined,
  }
}

/** Leaves the reason of a refusal on the VM and hands its code on. */
export function refuse(vm: Vm, code: number, reason: Reason): number {
  vm.reason = reason
  return code
}

/**
 * Ends an operation where the real kernel would hang or crash: the VM is stopped. The code is for
 * the call that met it; who drives the operation reports `vm.fault` instead.
 */
export function stop(vm: Vm, kind: FaultKind, message: string): number {
  vm.fault = { kind, message }
  return H.HARDWARE
}

/** The steps of an operation whose code is known at once: there are none. */
// oxlint-disable-next-line require-yield
// biome-ignore lint/correctness/useYield: an answer without a question is still a generator.
export function* atOnce(code: number): HvSteps {
  return code
}
