/**
 * Ultracalls: hypervisor to ultravisor; the two about memory slots also the other way, from a client
 * that plays VMM and ultravisor at once. Source: ultravisor-api.h, ultravisor.rst; spec of the wire,
 * section 2.
 */
import { z } from 'zod'
import type {
  UvPageInval,
  UvPageOut,
  UvRegisterMemSlot,
  UvSvmTerminate,
  UvUnregisterMemSlot,
  UvWritePate,
} from '../src/abi/calls.ts'
import { ResultName } from './envelope.ts'
import type { UvPageInWithPage } from './messages.ts'
import { commonParams, defineMethod, PlainResult } from './method.ts'
import { PageValue, pageText } from './page.ts'
import { GpaValue, hex, RaValue, RegisterValue, Ret, SlotIdValue, WordValue } from './values.ts'

const pageParams = {
  ...commonParams,
  ra: RaValue,
  gpa: GpaValue,
  flags: RegisterValue,
  order: RegisterValue,
}

const writePageCall = ({ lpid, ra, gpa, flags, order }: UvPageInWithPage | UvPageOut): string =>
  `"lpid":${lpid},"ra":"${hex(ra)}","gpa":"${hex(gpa)}","flags":"${hex(flags)}","order":"${hex(order)}"`

export const RegisterMemSlot = defineMethod({
  name: 'UV_REGISTER_MEM_SLOT',
  params: z.strictObject({
    ...commonParams,
    start_gpa: GpaValue,
    size: RegisterValue,
    flags: RegisterValue,
    slotid: SlotIdValue,
  }),
  body: ({ lpid, start_gpa, size, flags, slotid }): UvRegisterMemSlot => ({
    call: 'UV_REGISTER_MEM_SLOT',
    lpid,
    startGpa: start_gpa,
    size,
    flags,
    slotId: slotid,
  }),
  write: ({ lpid, startGpa, size, flags, slotId }) =>
    `"lpid":${lpid},"start_gpa":"${hex(startGpa)}","size":"${hex(size)}","flags":"${hex(flags)}","slotid":${slotId}`,
  result: PlainResult,
})
export const UnregisterMemSlot = defineMethod({
  name: 'UV_UNREGISTER_MEM_SLOT',
  params: z.strictObject({ ...commonParams, slotid: SlotIdValue }),
  body: ({ lpid, slotid }): UvUnregisterMemSlot => ({
    call: 'UV_UNREGISTER_MEM_SLOT',
    lpid,
    slotId: slotid,
  }),
  write: ({ lpid, slotId }) => `"lpid":${lpid},"slotid":${slotId}`,
  result: PlainResult,
})
export const PageIn = defineMethod({
  name: 'UV_PAGE_IN',
  params: z.strictObject({ ...pageParams, page: PageValue }),
  body: ({ lpid, ra, gpa, flags, order, page = null }): UvPageInWithPage => ({
    call: 'UV_PAGE_IN',
    lpid,
    ra,
    gpa,
    flags,
    order,
    page,
  }),
  write: (body) =>
    body.page === null
      ? writePageCall(body)
      : `${writePageCall(body)},"page":${pageText(body.page)}`,
  result: PlainResult,
})
export const PageOut = defineMethod({
  name: 'UV_PAGE_OUT',
  params: z.strictObject(pageParams),
  body: ({ lpid, ra, gpa, flags, order }): UvPageOut => ({
    call: 'UV_PAGE_OUT',
    lpid,
    ra,
    gpa,
    flags,
    order,
  }),
  write: writePageCall,
  result: z.strictObject({ ret: Ret, name: ResultName, page: PageValue }),
  // A refused page-out wrote nothing: then a page is no zeros, there is none.
  output: ({ ret, page }) => {
    if (ret === 0) return { page: page ?? null }
    return page === undefined ? {} : { page }
  },
})
export const PageInval = defineMethod({
  name: 'UV_PAGE_INVAL',
  params: z.strictObject({ ...commonParams, gpa: GpaValue, order: RegisterValue }),
  // DIFF: who made the call (`via`) is the hypervisor's own note and does not travel.
  body: ({ lpid, gpa, order }): UvPageInval => ({ call: 'UV_PAGE_INVAL', lpid, gpa, order }),
  write: ({ lpid, gpa, order }) => `"lpid":${lpid},"gpa":"${hex(gpa)}","order":"${hex(order)}"`,
  result: PlainResult,
})
export const SvmTerminate = defineMethod({
  name: 'UV_SVM_TERMINATE',
  params: z.strictObject(commonParams),
  body: ({ lpid }): UvSvmTerminate => ({ call: 'UV_SVM_TERMINATE', lpid }),
  write: ({ lpid }) => `"lpid":${lpid}`,
  result: PlainResult,
})
export const WritePate = defineMethod({
  name: 'UV_WRITE_PATE',
  params: z.strictObject({ ...commonParams, dw0: WordValue, dw1: WordValue }),
  body: ({ lpid, dw0, dw1 }): UvWritePate => ({ call: 'UV_WRITE_PATE', lpid, dw0, dw1 }),
  write: ({ lpid, dw0, dw1 }) => `"lpid":${lpid},"dw0":"${hex(dw0)}","dw1":"${hex(dw1)}"`,
  result: PlainResult,
})
