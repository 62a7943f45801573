/** Calls, pages and states as a record holds them, and back. */

import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { base64Of } from '../../schemas/page.ts'
import type { RecordCall, RecordPage, RecordWish } from '../../schemas/record.ts'
import type { Hcall, Hdsi, UvRegisterMemSlot, UvUnregisterMemSlot } from '../abi/calls.ts'
import { asGfn, asGpa, asLpid, asSlotId, type Page } from '../abi/page.ts'
import { fromBase64 } from '../lib/base64.ts'
import type { VmmCall } from './vmm-call.ts'

/** A call that waits for its turn in a VM's queue. */
export type QueuedCall = Hcall | Hdsi | UvRegisterMemSlot | UvUnregisterMemSlot

export const isQueued = (body: UpCall): body is QueuedCall =>
  body.call !== 'MEM_READ' && body.call !== 'MEM_WRITE' && body.call !== 'SESSION_OPEN'

export const packCall = (body: QueuedCall): RecordCall => ({ ...body })

export function unpackCall(call: RecordCall): QueuedCall {
  const lpid = asLpid(call.lpid)
  switch (call.call) {
    case 'H_SVM_PAGE_IN':
    case 'H_SVM_PAGE_OUT':
    case 'HDSI':
      return { ...call, lpid, gpa: asGpa(call.gpa) }
    case 'UV_REGISTER_MEM_SLOT':
      return { ...call, lpid, startGpa: asGpa(call.startGpa), slotId: asSlotId(call.slotId) }
    case 'UV_UNREGISTER_MEM_SLOT':
      return { ...call, lpid, slotId: asSlotId(call.slotId) }
    case 'H_SVM_INIT_START':
    case 'H_SVM_INIT_DONE':
    case 'H_SVM_INIT_ABORT':
    case 'H_SVM_TPM_COMM':
      return { ...call, lpid }
  }
}

const hex = (word: bigint): string => `0x${BigInt.asUintN(64, word).toString(16)}`
const bytesText = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : base64Of(bytes)
const bytesFrom = (text: string | null): Uint8Array | null =>
  text === null ? null : (fromBase64(text) ?? new Uint8Array())

export function packWish(wish: VmmCall): RecordWish {
  if (wish.name === 'write') return { ...wish, bytes: bytesText(wish.bytes) }
  if (wish.name === 'fill') return { ...wish, tag: hex(wish.tag), step: hex(wish.step) }
  return { ...wish }
}

export function unpackWish(wish: RecordWish): VmmCall {
  const gfn = 'gfn' in wish ? { gfn: asGfn(wish.gfn) } : {}
  const id = 'id' in wish ? { id: asSlotId(wish.id) } : {}
  const base = 'base' in wish ? { base: asGfn(wish.base) } : {}
  const bytes = 'bytes' in wish ? { bytes: bytesFrom(wish.bytes) } : {}
  const tags = 'tag' in wish ? { tag: BigInt(wish.tag), step: BigInt(wish.step) } : {}
  // Each member has the type of the operation that it came with.
  return { ...wish, ...gfn, ...id, ...base, ...bytes, ...tags } as VmmCall
}

export const packBytes = bytesText
export const unpackBytes = bytesFrom

export function packPage(page: Page): RecordPage {
  if (page === null) return null
  return typeof page === 'bigint' ? { tag: hex(page) } : { bytes: base64Of(page) }
}

export function unpackPage(page: RecordPage): Page {
  if (page === null) return null
  return 'tag' in page ? BigInt(page.tag) : (fromBase64(page.bytes) ?? null)
}

/** An ultracall in one line: its name and its arguments. */
export function textOfUltracall(call: DownCall): string {
  const { call: name, lpid, ...args } = call
  const words = Object.entries(args)
    .filter(([key]) => key !== 'page')
    .map(([key, value]) => `${key}=${String(value)}`)
  return [name, `lpid=${lpid}`, ...words].join(' ')
}
