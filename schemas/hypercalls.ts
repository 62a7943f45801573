/**
 * Hypercalls: ultravisor to hypervisor. Source: hvcall.h, ultravisor.rst ("Hypercalls used by
 * Ultravisor"); spec of the wire, section 2.
 */
import { z } from 'zod'
import type {
  HSvmInitAbort,
  HSvmInitDone,
  HSvmInitStart,
  HSvmPageIn,
  HSvmPageOut,
  HSvmTpmComm,
} from '../src/abi/calls.ts'
import { commonParams, defineMethod, PlainResult } from './method.ts'
import { GpaValue, hex, RegisterValue } from './values.ts'

const VmParams = z.strictObject(commonParams)
const PageParams = z.strictObject({
  ...commonParams,
  gpa: GpaValue,
  flags: RegisterValue,
  order: RegisterValue,
})

const writePage = ({ lpid, gpa, flags, order }: HSvmPageIn | HSvmPageOut): string =>
  `"lpid":${lpid},"gpa":"${hex(gpa)}","flags":"${hex(flags)}","order":"${hex(order)}"`

export const SvmInitStart = defineMethod({
  name: 'H_SVM_INIT_START',
  params: VmParams,
  body: ({ lpid }): HSvmInitStart => ({ call: 'H_SVM_INIT_START', lpid }),
  write: ({ lpid }) => `"lpid":${lpid}`,
  result: PlainResult,
})
export const SvmInitDone = defineMethod({
  name: 'H_SVM_INIT_DONE',
  params: VmParams,
  body: ({ lpid }): HSvmInitDone => ({ call: 'H_SVM_INIT_DONE', lpid }),
  write: ({ lpid }) => `"lpid":${lpid}`,
  result: PlainResult,
})
export const SvmInitAbort = defineMethod({
  name: 'H_SVM_INIT_ABORT',
  params: VmParams,
  body: ({ lpid }): HSvmInitAbort => ({ call: 'H_SVM_INIT_ABORT', lpid }),
  write: ({ lpid }) => `"lpid":${lpid}`,
  result: PlainResult,
})
export const SvmTpmComm = defineMethod({
  name: 'H_SVM_TPM_COMM',
  params: VmParams,
  body: ({ lpid }): HSvmTpmComm => ({ call: 'H_SVM_TPM_COMM', lpid }),
  write: ({ lpid }) => `"lpid":${lpid}`,
  result: PlainResult,
})
export const SvmPageIn = defineMethod({
  name: 'H_SVM_PAGE_IN',
  params: PageParams,
  body: ({ lpid, gpa, flags, order }): HSvmPageIn => ({
    call: 'H_SVM_PAGE_IN',
    lpid,
    gpa,
    flags,
    order,
  }),
  write: writePage,
  result: PlainResult,
})
export const SvmPageOut = defineMethod({
  name: 'H_SVM_PAGE_OUT',
  params: PageParams,
  body: ({ lpid, gpa, flags, order }): HSvmPageOut => ({
    call: 'H_SVM_PAGE_OUT',
    lpid,
    gpa,
    flags,
    order,
  }),
  write: writePage,
  result: PlainResult,
})
