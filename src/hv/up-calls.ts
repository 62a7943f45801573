/**
 * Serves the calls of an ultravisor: one handler for each, and the checks that all of them share.
 */
import type { SessionOpen, UpCall } from '../../schemas/messages.ts'
import type { Hcall, Hdsi, HSvmInitAbort, MemRead, MemWrite } from '../abi/calls.ts'
import { H_PAGE_IN_SHARED } from '../abi/calls.ts'
import { H, Host as HostCode } from '../abi/codes.ts'
import { frameOf, gfnOf, type Lpid } from '../abi/page.ts'
import { bytesOfPage } from '../abi/page-bytes.ts'
import { hypercall } from '../uvmem/dispatch.ts'
import type { Host } from '../uvmem/host.ts'
import { storeInPage } from '../uvmem/host-ram.ts'
import { isDevicePte } from '../uvmem/mem-slots.ts'
import { guestFault } from '../uvmem/vmm/touch.ts'
import type { Hypervisor } from './hypervisor.ts'
import type { PageMove, UvCall } from './operation.ts'
import { fail, failLimit, queue, type Way } from './serve-call.ts'
import type { Session } from './session.ts'
import { registerFromUv, unregisterFromUv } from './uv-slots.ts'

/** A connection as the hypervisor sees it: one session, once it is opened. */
export interface Caller {
  session: Session | undefined
  /** Serves SESSION_OPEN: answers or fails the call, and sets `session`. */
  readonly open: (call: UvCall, wish: SessionOpen) => void
  /** True: it learns nothing of LPIDs that are not its own. Without: a development server. */
  readonly isGuarded?: () => boolean
  /** Whether it may have that LPID at all. Without: any. */
  readonly mayHave?: (lpid: Lpid) => boolean
}

/** Calls that make an LPID the session's own. Source: spec of the wire, section 1. */
const TAKES: ReadonlySet<UpCall['call']> = new Set(['H_SVM_INIT_START', 'UV_REGISTER_MEM_SLOT'])

type LpidCall = Exclude<UpCall, { call: 'SESSION_OPEN' }>

type Handlers = {
  readonly [Name in UpCall['call']]: (
    hv: Hypervisor,
    session: Session,
    call: UvCall,
    body: Extract<UpCall, { call: Name }>,
  ) => void
}

/** A hypercall ends with its own code. */
const AS_IT_IS: Way<Hcall, number> = {
  begin: (hv, vm, body) => hypercall(hv.host, vm, body),
  finish: (_hv, _body, ret) => ret,
}

const ABORT: Way<HSvmInitAbort, number> = {
  begin: AS_IT_IS.begin,
  finish: (hv, { lpid }, ret) => {
    if (ret === H.PARAMETER) hv.disown(lpid)
    return ret
  },
}

const FAULT: Way<Hdsi, number> = {
  begin: (hv, vm, { gpa }) => guestFault(hv.host, vm, gfnOf(gpa)),
  finish: (_hv, _body, ret) => ret,
}

const HANDLERS: Omit<Handlers, 'SESSION_OPEN'> = {
  H_SVM_INIT_START: (hv, session, call, body) => {
    hv.own(session, body.lpid)
    queue(hv, call, body, 'vm', AS_IT_IS)
  },
  H_SVM_INIT_DONE: (hv, _session, call, body) => queue(hv, call, body, 'vm', AS_IT_IS),
  H_SVM_INIT_ABORT: (hv, _session, call, body) => queue(hv, call, body, 'vm', ABORT),
  H_SVM_TPM_COMM: (hv, _session, call, body) => queue(hv, call, body, 'vm', AS_IT_IS),
  H_SVM_PAGE_IN: (hv, _session, call, body) => {
    const shares = body.flags === H_PAGE_IN_SHARED
    queue(hv, call, body, shares ? 'vm' : movesIn(hv.host), AS_IT_IS)
  },
  H_SVM_PAGE_OUT: (hv, _session, call, body) => queue(hv, call, body, MOVES_OUT, AS_IT_IS),
  HDSI: (hv, _session, call, body) => queue(hv, call, body, 'vm', FAULT),
  MEM_READ: (hv, _session, call, body) => serveRead(hv, call, body),
  MEM_WRITE: (hv, _session, call, body) => serveWrite(hv, call, body),
  UV_REGISTER_MEM_SLOT: (hv, session, call, body) => {
    hv.own(session, body.lpid)
    registerFromUv(hv, call, body)
  },
  UV_UNREGISTER_MEM_SLOT: (hv, _session, call, body) => unregisterFromUv(hv, call, body),
}

/** A page-out gives a device PFN back. */
export const MOVES_OUT: PageMove = { takes: false, frees: () => true }

const MOVES_IN: PageMove = { takes: true, frees: () => false }
/** Before Linux 5.8 a page-in could replace a device page, whose PFN it gives back. */
const REPLACES: PageMove = {
  takes: true,
  frees: (vm, gfn) => {
    const slot = vm.slots.at(gfn)
    return slot !== undefined && isDevicePte(slot.region.ptes.get(gfn - slot.base))
  },
}

/** A page-in takes a device PFN. */
export const movesIn = ({ profile }: Host): PageMove =>
  profile.migratesDevicePages ? REPLACES : MOVES_IN

/** Serves one call of a connection; answers it now or later, exactly once. */
export function serve(hv: Hypervisor, caller: Caller, call: UvCall): void {
  const { body } = call
  if (hv.stopping) return fail(hv, call, 'SHUTTING_DOWN')
  if (body.call === 'SESSION_OPEN') return caller.open(call, body)
  const { session } = caller
  if (session === undefined) return fail(hv, call, 'SESSION_UNKNOWN')
  if (hv.sessions.ownerOf(body.lpid) !== session && !mayTake(hv, caller, body)) {
    return fail(hv, call, 'NOT_YOUR_LPID', { lpid: body.lpid })
  }
  if (hv.vm(body.lpid) === undefined) {
    const refusal = hv.config.autoCreateVms ? hv.makeVm(body.lpid) : undefined
    if (refusal === undefined) return fail(hv, call, 'LPID_UNKNOWN', { lpid: body.lpid })
    if ('limit' in refusal) return failLimit(hv, call, refusal)
  }
  const { gate } = hv
  if (gate === undefined || gate.rules.size === 0) return handle(hv, session, call)
  gate.incoming(session, call, (allowed) => handle(hv, session, allowed))
}

/** Serves a call that nothing speaks against. */
export function handle(hv: Hypervisor, session: Session, call: UvCall): void {
  const { body } = call
  if (body.call === 'SESSION_OPEN') return
  const handler = HANDLERS[body.call] as (
    hv: Hypervisor,
    session: Session,
    call: UvCall,
    body: UpCall,
  ) => void
  handler(hv, session, call, body)
}

/**
 * Whether a call may be about an LPID that its session does not have. Where there are tokens, a VM of
 * somebody else, one of nobody and one that does not exist are all refused here, by the same steps:
 * only what takes a VM that is free, or may be made, goes on.
 */
function mayTake(hv: Hypervisor, caller: Caller, { call, lpid }: LpidCall): boolean {
  const isFree = hv.sessions.ownerOf(lpid) === undefined
  if (caller.isGuarded?.() !== true) return isFree
  const exists = hv.vm(lpid) !== undefined || hv.config.autoCreateVms
  const isAllowed = caller.mayHave?.(lpid) ?? true
  return isFree && exists && isAllowed && TAKES.has(call)
}

/** The ultravisor loads from normal memory; it needs no queue, as a load on the real machine. */
function serveRead(hv: Hypervisor, call: UvCall, { lpid, ra, offset, length }: MemRead): void {
  const frame = frameOf(ra)
  const allowed = hv.host.ram.belongsTo(frame, lpid)
  hv.watch.accessed(call, allowed ? HostCode.OK : HostCode.EFAULT)
  if (!allowed) return call.answer(HostCode.EFAULT)
  const bytes = bytesOfPage(hv.host.ram.read(frame), offset, length)
  call.answer(HostCode.OK, { bytes })
}

function serveWrite(hv: Hypervisor, call: UvCall, { lpid, ra, offset, bytes }: MemWrite): void {
  const frame = frameOf(ra)
  const { ram } = hv.host
  const allowed = ram.belongsTo(frame, lpid)
  hv.watch.accessed(call, allowed ? HostCode.OK : HostCode.EFAULT)
  if (!allowed) return call.answer(HostCode.EFAULT)
  ram.write(frame, bytes === null ? null : storeInPage(ram.glance(frame), offset, bytes))
  call.answer(HostCode.OK)
}
