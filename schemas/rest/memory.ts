/** A VM's memory as the host reads and writes it. Every page is touched: a secure one is paged out. */
import { z } from 'zod'
import { PAGE_SIZE } from '../../src/abi/page.ts'
import { defineOperation, OCTETS } from './operation.ts'
import { OPERATION_PROBLEMS } from './result.ts'
import {
  GfnText,
  GPA_END,
  GpaText,
  Hex,
  LpidText,
  numberText,
  PageGpaBody,
  sizeBody,
  TagBody,
} from './values.ts'
import { VmPath } from './vm.ts'

export const readMemory = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}/memory',
  tag: 'Memory',
  summary: 'Read memory',
  description:
    'As bytes, streamed page by page; a tag reads as its 8 bytes, big-endian, and zeros. When a page cannot be read half-way, the connection is cut short of its Content-Length.',
  path: VmPath,
  query: z.strictObject({
    gpa: GpaText,
    length: numberText(1, GPA_END, 'bytes to read'),
  }),
  answer: OCTETS,
  problems: OPERATION_PROBLEMS,
})
export const writeMemory = defineOperation({
  method: 'PUT',
  route: '/v1/vms/{lpid}/memory',
  tag: 'Memory',
  summary: 'Write memory',
  description:
    'The body is stored from gpa on, page by page as it comes. Nothing is stored when its Content-Length says that it does not fit the memory slots; otherwise a problem says in written how far it got.',
  path: VmPath,
  query: z.strictObject({ gpa: GpaText }),
  body: OCTETS,
  answer: z.strictObject({ written: z.int().describe('Bytes') }),
  problems: OPERATION_PROBLEMS,
})
export const fillMemory = defineOperation({
  method: 'POST',
  route: '/v1/vms/{lpid}/memory/fill',
  tag: 'Memory',
  summary: 'Fill memory with tags',
  description:
    'Each page gets a tag that stands for its content: tag, tag + step, tag + 2 * step …',
  path: VmPath,
  body: z.strictObject({
    gpa: PageGpaBody,
    size: sizeBody('how much to fill'),
    tag: TagBody.describe('Tag of the first page'),
    step: TagBody.prefault(0).describe('From page to page, modulo 2^64'),
  }),
  answer: z.strictObject({ pages: z.int() }),
  problems: OPERATION_PROBLEMS,
})
export const getPage = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}/pages/{gfn}',
  tag: 'Memory',
  summary: "One page's content",
  description: 'As the host reads it: touches the page. null is a page of zeros.',
  path: z.strictObject({ lpid: LpidText, gfn: GfnText }),
  answer: z.strictObject({
    gfn: z.int(),
    page: z
      .union([
        z.strictObject({ tag: Hex }),
        z.strictObject({ bytes: z.string().describe(`base64 of ${PAGE_SIZE} bytes`) }),
      ])
      .nullable(),
  }),
  problems: OPERATION_PROBLEMS,
})
