/**
 * JSON-RPC 2.0 as this wire uses it: request, result, error, batch.
 *
 * DIFF: ids are integers 1 to 2^32 - 1 (the binary protocol has 32 bits for them), params are always
 * an object, there are no notifications, and answers may come in any grouping: a batch of calls may
 * be answered by several messages, and one message may hold calls and answers.
 */
import { z } from 'zod'
import { CallId } from './values.ts'

export const Version = z.literal('2.0', { error: 'the text "2.0"' })

/** Any call, before its method is looked up. */
export const RequestHead = z.strictObject({
  jsonrpc: Version,
  id: CallId,
  method: z.string({ error: 'the name of a call' }),
  params: z.unknown().optional(),
})

/** The code's name beside it: for people, and not read. */
export const ResultName = z.string({ error: 'text' }).max(64, 'at most 64 characters').optional()

/** Details of an error: a flat object. */
export const ErrorDataValue = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.null()]),
)

/** An error; its id is null when it belongs to no call. */
export const ErrorResponse = z.strictObject({
  jsonrpc: Version,
  id: CallId.nullable(),
  error: z.strictObject({
    code: z.int(),
    message: z.string().max(1_024),
    data: ErrorDataValue.optional(),
  }),
})
