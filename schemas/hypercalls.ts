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

/** A call that is about a whole VM. */
const defineVmCall = <Call extends HSvmInitStart | HSvmInitDone | HSvmInitAbort | HSvmTpmComm>(
  name: Call['call'],
) =>
  defineMethod({
    name,
    params: VmParams,
    body: ({ lpid }) => ({ call: name, lpid }) as Call,
    write: ({ lpid }) => `"lpid":${lpid}`,
    result: PlainResult,
  })

/** A call that is about one page. */
const definePageCall = <Call extends HSvmPageIn | HSvmPageOut>(name: Call['call']) =>
  defineMethod({
    name,
    params: PageParams,
    body: ({ lpid, gpa, flags, order }) => ({ call: name, lpid, gpa, flags, order }) as Call,
    write: ({ lpid, gpa, flags, order }) =>
      `"lpid":${lpid},"gpa":"${hex(gpa)}","flags":"${hex(flags)}","order":"${hex(order)}"`,
    result: PlainResult,
  })

export const SvmInitStart = defineVmCall<HSvmInitStart>('H_SVM_INIT_START')
export const SvmInitDone = defineVmCall<HSvmInitDone>('H_SVM_INIT_DONE')
export const SvmInitAbort = defineVmCall<HSvmInitAbort>('H_SVM_INIT_ABORT')
export const SvmTpmComm = defineVmCall<HSvmTpmComm>('H_SVM_TPM_COMM')
export const SvmPageIn = definePageCall<HSvmPageIn>('H_SVM_PAGE_IN')
export const SvmPageOut = definePageCall<HSvmPageOut>('H_SVM_PAGE_OUT')
