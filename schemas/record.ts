/**
 * The record of a run: one JSON object a line, in the order in which things happened.
 *
 * What came from outside (VMs made, operations that came, answers of ultravisors, turns of the event
 * loop) is enough to run it again; what the hypervisor did (it began, asked, ended) is there to be
 * compared. Values stay plain JSON: tags are hexadecimal text, bytes base64.
 */
import { z } from 'zod'

export const RECORD_FORMAT = 'uvmem-record'
export const RECORD_VERSION = 1

const Count = z.number().min(0)
const Code = z.int()
const Hex = z.string().regex(/^0x[0-9a-f]{1,16}$/)
const Base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/)
const Lpid = z.int().min(0).max(4_095)
/** Number of an operation in the record. */
const N = z.int().min(1)
/** Milliseconds by the hypervisor's clock. */
const T = z.number()

/** What a page holds: nothing but zeros, a tag, or bytes. */
export const RecordPage = z.union([
  z.null(),
  z.strictObject({ tag: Hex }),
  z.strictObject({ bytes: Base64 }),
])
export type RecordPage = z.output<typeof RecordPage>

const move = { gpa: Count, flags: Count, order: Count }

/** A call of an ultravisor that waits for its turn. */
export const RecordCall = z.discriminatedUnion('call', [
  z.strictObject({ call: z.literal('H_SVM_INIT_START'), lpid: Lpid }),
  z.strictObject({ call: z.literal('H_SVM_INIT_DONE'), lpid: Lpid }),
  z.strictObject({ call: z.literal('H_SVM_INIT_ABORT'), lpid: Lpid }),
  z.strictObject({ call: z.literal('H_SVM_TPM_COMM'), lpid: Lpid }),
  z.strictObject({ call: z.literal('H_SVM_PAGE_IN'), lpid: Lpid, ...move }),
  z.strictObject({ call: z.literal('H_SVM_PAGE_OUT'), lpid: Lpid, ...move }),
  z.strictObject({ call: z.literal('HDSI'), lpid: Lpid, gpa: Count }),
  z.strictObject({
    call: z.literal('UV_REGISTER_MEM_SLOT'),
    ...{ lpid: Lpid, startGpa: Count, size: Count, flags: Count, slotId: Count },
  }),
  z.strictObject({ call: z.literal('UV_UNREGISTER_MEM_SLOT'), lpid: Lpid, slotId: Count }),
])
export type RecordCall = z.output<typeof RecordCall>

const gfn = { gfn: Count }
const id = { id: Count }

/** What a VMM or its host asked for. */
export const RecordWish = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('destroy') }),
  z.strictObject({ name: z.literal('add_slot'), ...id, base: Count, pages: Count }),
  z.strictObject({ name: z.literal('remove_slot'), ...id, munmap: z.boolean() }),
  z.strictObject({ name: z.literal('flush_slot'), ...id }),
  z.strictObject({ name: z.literal('svm_off') }),
  z.strictObject({ name: z.literal('host_touch'), ...gfn }),
  z.strictObject({ name: z.literal('unmap'), ...gfn, how: z.enum(['reclaim', 'discard']) }),
  z.strictObject({ name: z.literal('pin'), ...gfn }),
  z.strictObject({ name: z.literal('unpin'), ...gfn }),
  z.strictObject({ name: z.literal('guest_fault'), ...gfn }),
  z.strictObject({ name: z.literal('vma_unmap'), ...id }),
  z.strictObject({ name: z.literal('vma_map'), ...id }),
  z.strictObject({ name: z.literal('ksm_fail'), ...id, error: Code }),
  z.strictObject({ name: z.literal('read'), ...gfn }),
  z.strictObject({ name: z.literal('write'), ...gfn, offset: Count, bytes: Base64.nullable() }),
  z.strictObject({ name: z.literal('fill'), ...gfn, count: Count, tag: Hex, step: Hex }),
])
export type RecordWish = z.output<typeof RecordWish>

export const RecordHead = z.strictObject({
  e: z.literal('start'),
  format: z.literal(RECORD_FORMAT),
  version: z.literal(RECORD_VERSION),
  program: z.string(),
  profile: z.string(),
  pool_pages: Count,
  notifies_migrations: z.boolean(),
  window: Count,
  t: T,
  /** A snapshot of the host, when it was not empty. */
  state: z.unknown().optional(),
})
export type RecordHead = z.output<typeof RecordHead>

const ask = z.strictObject({
  e: z.literal('ask'),
  n: N,
  /** The ultracall with its arguments, as text. */
  call: z.string(),
  page: RecordPage.optional(),
  t: T,
  /** The answer, when nothing happened between question and answer. */
  answer: z
    .strictObject({
      ret: Code,
      page: RecordPage.optional(),
      error: z.string().optional(),
      t: T,
    })
    .optional(),
})

/** What came from outside. */
export const RecordInput = z.discriminatedUnion('e', [
  z.strictObject({
    e: z.literal('vm'),
    ...{ lpid: Lpid, radix: z.boolean(), svm_enabled: z.boolean(), t: T },
  }),
  z.strictObject({
    e: z.literal('queue'),
    n: N,
    lpid: Lpid,
    call: RecordCall.optional(),
    wish: RecordWish.optional(),
    /** The operation in whose ultracall it was made. */
    inside: N.optional(),
    /** A fault rule let it find an empty pool. */
    starved: z.boolean().optional(),
    t: T,
  }),
  z.strictObject({
    e: z.literal('answer'),
    ...{ n: N, ret: Code, page: RecordPage.optional(), error: z.string().optional(), t: T },
  }),
  /** A long operation goes on after others had a turn. */
  z.strictObject({ e: z.literal('turn'), n: N, t: T }),
  z.strictObject({
    e: z.literal('store'),
    ...{ lpid: Lpid, ra: Count, offset: Count, bytes: Base64.nullable(), t: T },
  }),
  z.strictObject({ e: z.literal('deny_frames'), denied: z.boolean(), t: T }),
  /** Operations whose turn has not come end: their VMs are about to go. */
  z.strictObject({ e: z.literal('drop'), t: T }),
  z.strictObject({ e: z.literal('replace'), state: z.unknown(), t: T }),
])
export type RecordInput = z.output<typeof RecordInput>

/** What the hypervisor did. */
export const RecordOutput = z.discriminatedUnion('e', [
  z.strictObject({ e: z.literal('begin'), n: N, t: T }),
  ask,
  z.strictObject({
    e: z.literal('end'),
    n: N,
    how: z.enum(['done', 'fault', 'gone']),
    code: Code.optional(),
    why: z.string().optional(),
    t: T,
  }),
])
export type RecordOutput = z.output<typeof RecordOutput>

/** For people: neither replayed nor compared. */
export const RecordNote = z.strictObject({ e: z.literal('note'), text: z.string(), t: T })

export const RecordLine = z.union([RecordHead, RecordInput, RecordOutput, RecordNote])
export type RecordLine = z.output<typeof RecordLine>
