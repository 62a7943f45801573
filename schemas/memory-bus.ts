/**
 * What crosses the memory bus of a real machine without a call: the ultravisor's loads and stores to
 * the host's normal memory, and a guest's page fault that it reflects. Ultravisor to hypervisor.
 */
import { z } from 'zod'
import type { Hdsi, MemRead, MemWrite } from '../src/abi/calls.ts'
import { PAGE_SIZE } from '../src/abi/page.ts'
import { ResultName } from './envelope.ts'
import type { Breach } from './method.ts'
import { commonParams, defineMethod, PlainResult } from './method.ts'
import { base64, base64Of } from './page.ts'
import { GpaValue, hex, integer, RaValue, Ret } from './values.ts'

const Offset = integer(0, PAGE_SIZE - 1, 'bytes from the start of the frame')
const Length = integer(1, PAGE_SIZE, 'bytes')
const Bytes = base64(1, PAGE_SIZE)

/** A load or store stays in one frame. */
const frameBreach = (offset: number, length: number, field: string): Breach | undefined =>
  offset + length <= PAGE_SIZE
    ? undefined
    : { field, expected: `offset and length of at most ${PAGE_SIZE} together` }

export const HdsiFault = defineMethod({
  name: 'HDSI',
  params: z.strictObject({ ...commonParams, gpa: GpaValue }),
  body: ({ lpid, gpa }): Hdsi => ({ call: 'HDSI', lpid, gpa }),
  write: ({ lpid, gpa }) => `"lpid":${lpid},"gpa":"${hex(gpa)}"`,
  result: PlainResult,
})
export const MemoryRead = defineMethod({
  name: 'MEM_READ',
  params: z.strictObject({ ...commonParams, ra: RaValue, offset: Offset, length: Length }),
  body: ({ lpid, ra, offset, length }): MemRead => ({ call: 'MEM_READ', lpid, ra, offset, length }),
  rule: ({ offset, length }) => frameBreach(offset, length, 'length'),
  write: ({ lpid, ra, offset, length }) =>
    `"lpid":${lpid},"ra":"${hex(ra)}","offset":${offset},"length":${length}`,
  result: z.strictObject({ ret: Ret, name: ResultName, bytes: Bytes.optional() }),
  output: ({ ret, bytes }, { length }) => {
    if (ret !== 0 && bytes === undefined) return {}
    if (ret === 0 && bytes?.length === length) return { bytes }
    return { field: 'bytes', expected: `${length} bytes when ret is 0, else none` }
  },
})
export const MemoryWrite = defineMethod({
  name: 'MEM_WRITE',
  params: z.strictObject({
    ...commonParams,
    ra: RaValue,
    offset: Offset,
    bytes: Bytes.nullable(),
  }),
  body: ({ lpid, ra, offset, bytes }): MemWrite => ({ call: 'MEM_WRITE', lpid, ra, offset, bytes }),
  rule: ({ offset, bytes }) => frameBreach(offset, bytes?.length ?? PAGE_SIZE, 'bytes'),
  write: ({ lpid, ra, offset, bytes }) =>
    `"lpid":${lpid},"ra":"${hex(ra)}","offset":${offset},"bytes":${bytes === null ? 'null' : `"${base64Of(bytes)}"`}`,
  result: PlainResult,
})
