/** The arguments of the wire's calls as four numbers, and their names. */
import type { WireCall } from '../../schemas/messages.ts'
import { PAGE_SIZE } from '../abi/page.ts'
import type { OperationArgs } from './journal-entry.ts'
import type { VmmCall } from './vmm-call.ts'

/** Arguments that are kept of a call: none has more besides its LPID. */
export const ARGS_MAX = 4

/** Names in the order of `argsOf`, as they stand on the wire. */
const NAMES: Readonly<Record<WireCall['call'], readonly string[]>> = {
  H_SVM_INIT_START: [],
  H_SVM_INIT_DONE: [],
  H_SVM_INIT_ABORT: [],
  H_SVM_TPM_COMM: [],
  H_SVM_PAGE_IN: ['gpa', 'flags', 'order'],
  H_SVM_PAGE_OUT: ['gpa', 'flags', 'order'],
  UV_REGISTER_MEM_SLOT: ['start_gpa', 'size', 'flags', 'slotid'],
  UV_UNREGISTER_MEM_SLOT: ['slotid'],
  UV_PAGE_IN: ['ra', 'gpa', 'flags', 'order'],
  UV_PAGE_OUT: ['ra', 'gpa', 'flags', 'order'],
  UV_PAGE_INVAL: ['gpa', 'order'],
  UV_SVM_TERMINATE: [],
  UV_WRITE_PATE: ['dw0', 'dw1'],
  HDSI: ['gpa'],
  MEM_READ: ['ra', 'offset', 'length'],
  MEM_WRITE: ['ra', 'offset', 'length'],
  SESSION_OPEN: [],
}

type Put<Body> = (into: Float64Array, at: number, body: Body) => void
type Puts = { readonly [Name in WireCall['call']]: Put<Extract<WireCall, { call: Name }>> }

const putNothing = (): void => undefined

const putMove: Put<{ ra: number; gpa: number; flags: number; order: number }> = (
  into,
  at,
  body,
) => {
  into[at] = body.ra
  into[at + 1] = body.gpa
  into[at + 2] = body.flags
  into[at + 3] = body.order
}

const putPage: Put<{ gpa: number; flags: number; order: number }> = (into, at, body) => {
  into[at] = body.gpa
  into[at + 1] = body.flags
  into[at + 2] = body.order
}

/** DIFF: a 64-bit word loses its lowest bits from 2^53 on. */
const PUTS: Puts = {
  H_SVM_INIT_START: putNothing,
  H_SVM_INIT_DONE: putNothing,
  H_SVM_INIT_ABORT: putNothing,
  H_SVM_TPM_COMM: putNothing,
  H_SVM_PAGE_IN: putPage,
  H_SVM_PAGE_OUT: putPage,
  UV_REGISTER_MEM_SLOT: (into, at, { startGpa, size, flags, slotId }) =>
    into.set([startGpa, size, flags, slotId], at),
  UV_UNREGISTER_MEM_SLOT: (into, at, { slotId }) => into.set([slotId], at),
  UV_PAGE_IN: putMove,
  UV_PAGE_OUT: putMove,
  UV_PAGE_INVAL: (into, at, { gpa, order }) => {
    into[at] = gpa
    into[at + 1] = order
  },
  UV_SVM_TERMINATE: putNothing,
  UV_WRITE_PATE: (into, at, { dw0, dw1 }) => into.set([Number(dw0), Number(dw1)], at),
  HDSI: (into, at, { gpa }) => into.set([gpa], at),
  MEM_READ: (into, at, { ra, offset, length }) => into.set([ra, offset, length], at),
  MEM_WRITE: (into, at, { ra, offset, bytes }) => into.set([ra, offset, bytes?.length ?? 0], at),
  SESSION_OPEN: putNothing,
}

/** Puts a call's arguments at `at` and behind. */
export function putArgs(into: Float64Array, at: number, body: WireCall): void {
  // The calls that come for each page, by name: a table's entry is looked for among all its names.
  if (body.call === 'H_SVM_PAGE_IN') return PUTS.H_SVM_PAGE_IN(into, at, body)
  if (body.call === 'UV_PAGE_IN') return PUTS.UV_PAGE_IN(into, at, body)
  const put = PUTS[body.call] as Put<WireCall>
  put(into, at, body)
}

const isWireCall = (call: string): call is WireCall['call'] => Object.hasOwn(NAMES, call)

/** The arguments by name; none for a call that is not the wire's. */
export function namedArgs(call: string, from: Float64Array, at: number): OperationArgs {
  const args: Record<string, number> = {}
  if (isWireCall(call)) {
    NAMES[call].forEach((name, i) => {
      args[name] = from[at + i] ?? 0
    })
  }
  return args
}

/** What an operation of the VMM or the host was told, besides the VM and the frame. */
export function wishArgs(wish: VmmCall): OperationArgs {
  const args: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(wish) as [string, unknown][]) {
    if (name === 'name' || name === 'gfn' || name === 'bytes') continue
    if (typeof value === 'bigint') args[name] = `0x${value.toString(16)}`
    else if (typeof value === 'string' || typeof value === 'number') args[name] = value
    else if (typeof value === 'boolean') args[name] = value
  }
  if (wish.name === 'write') args['length'] = wish.bytes?.length ?? PAGE_SIZE
  return args
}
