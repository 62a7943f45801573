/** Errors of the REST API: RFC 9457 problem documents. One list; the documentation is made of it. */
import { z } from 'zod'

export interface ProblemEntry {
  /** HTTP status. */
  readonly status: number
  readonly title: string
  /** When it is sent. */
  readonly when: string
}

export const PROBLEM = {
  'bad-request': {
    status: 400,
    title: 'The request does not fit.',
    when: 'A parameter or a member of the body is missing, unknown or out of range; errors names each.',
  },
  unauthorized: {
    status: 401,
    title: 'A token is needed.',
    when: 'The server wants a token, and the request shows none that it knows.',
  },
  'role-missing': {
    status: 403,
    title: 'Not with this token.',
    when: 'The token is known, and does not give the role that the request needs.',
  },
  forbidden: {
    status: 403,
    title: 'Not from there.',
    when: 'The Host header or the Origin header is not one that this server serves.',
  },
  'not-found': {
    status: 404,
    title: 'No such resource.',
    when: 'No route has that path.',
  },
  'vm-unknown': {
    status: 404,
    title: 'No VM has that LPID.',
    when: 'The path names a VM that does not exist.',
  },
  'slot-unknown': {
    status: 404,
    title: 'The VM has no memory slot with that id.',
    when: 'The path names a memory slot that does not exist.',
  },
  'frame-unknown': {
    status: 404,
    title: 'The GFN is in no memory slot.',
    when: 'The path names a frame that is in no memory slot of the VM.',
  },
  'fault-unknown': {
    status: 404,
    title: 'No fault rule has that id.',
    when: 'The path names a fault rule that is not there, or is gone.',
  },
  'preset-unknown': {
    status: 404,
    title: 'No preset has that name.',
    when: 'The path names a preset of fault rules that does not exist.',
  },
  'checkpoint-unknown': {
    status: 404,
    title: 'No checkpoint has that name.',
    when: 'The path names a checkpoint that was not saved, or was removed.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The resource has no such method.',
    when: 'The path exists with other methods; Allow lists them.',
  },
  'vm-exists': {
    status: 409,
    title: 'There is a VM with that LPID.',
    when: 'A VM is created twice.',
  },
  refused: {
    status: 409,
    title: 'The operation was refused.',
    when: 'The kernel would refuse it; code, name and reason say how and why.',
  },
  'host-fault': {
    status: 409,
    title: 'The VM is stopped: the real code would have crashed or hung here.',
    when: 'The operation led to a host fault, or the VM had one before; fault says which.',
  },
  busy: {
    status: 409,
    title: 'Operations are under way.',
    when: 'A snapshot waited 5 s for a moment in which none is, in vain.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long.',
    when: 'headersMsMax or requestMsMax have passed and the request is not all there; the connection ends.',
  },
  'too-large': {
    status: 413,
    title: 'The body is too big.',
    when: 'A JSON body is longer than 1 MiB, or a snapshot longer than 256 MiB.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is of another type.',
    when: 'The body is neither what the operation takes: JSON, or bytes.',
  },
  'snapshot-unfit': {
    status: 422,
    title: 'The snapshot does not fit.',
    when: 'A snapshot is of another program, profile or pool, is damaged, or has an LPID that is taken.',
  },
  'upgrade-required': {
    status: 426,
    title: 'This resource is a WebSocket.',
    when: 'A plain request comes for the WebSocket, or an upgrade that offers none of its subprotocols.',
  },
  'header-too-large': {
    status: 431,
    title: 'The headers are too big.',
    when: 'Request line and headers are longer than 16 KiB; the connection ends.',
  },
  'limit-reached': {
    status: 429,
    title: 'A limit of the server is reached.',
    when: 'One VM, memory slot or page more than the server allows; limit and max say which.',
  },
  internal: {
    status: 500,
    title: 'The server is at fault.',
    when: 'A rule of its own did not hold; the log has the details.',
  },
  'disk-failed': {
    status: 503,
    title: 'The server can keep nothing any more.',
    when: 'The disk failed under --durable: nothing is said that is not on the disk, so nothing is said at all.',
  },
  'shutting-down': {
    status: 503,
    title: 'The server is shutting down.',
    when: 'A request comes, or still waits, after the server was told to stop.',
  },
  'wait-timeout': {
    status: 504,
    title: 'It did not become so in time.',
    when: 'The timeout of a request that waits is over.',
  },
} as const satisfies Record<string, ProblemEntry>
export type ProblemName = keyof typeof PROBLEM

/** The `type` member: a name, not a place. */
export const problemType = (name: ProblemName): string => `urn:uvmem:problem:${name}`

const FieldError = z.strictObject({
  field: z.string().describe('Where it is: path.lpid, query.limit, body.slots.0.size'),
  value: z.unknown().optional().describe('What was sent, when it is short'),
  expected: z.string().describe('What would have fitted'),
})
export const ReasonValue = z
  .strictObject({
    source: z.string().describe('The function of the real code that holds the check'),
    why: z.string().describe('What it found'),
  })
  .describe('The check of the real code that said no')
export const FaultValue = z
  .strictObject({
    kind: z.enum(['LIVELOCK', 'OOPS', 'DEADLOCK', 'LOCK_LEAK', 'BUG']),
    message: z.string(),
  })
  .describe('How the real kernel would have ended')

export const ProblemDocument = z.strictObject({
  type: z.string().describe('urn:uvmem:problem: and the name of the problem'),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().describe('What went wrong this time'),
  errors: z.array(FieldError).optional(),
  code: z.int().optional().describe('The code that the operation ended with'),
  name: z.string().optional().describe('The name of that code'),
  reason: ReasonValue.nullable().optional(),
  fault: FaultValue.optional(),
  limit: z.string().optional(),
  max: z.number().optional(),
  written: z.number().optional().describe('Bytes that were stored before the failure'),
})
export type ProblemDocument = z.infer<typeof ProblemDocument>
/** What a problem says beside its name. */
export type ProblemDetails = Omit<ProblemDocument, 'type' | 'title' | 'status'>
