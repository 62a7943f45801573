/**
 * What no register can say: JSON-RPC errors and WebSocket close codes, each list in one place.
 * A refusal that the ABI knows (H_PARAMETER, U_P2 …) is a result, never one of these.
 *
 * schemas/README.md shows both lists; a test compares them.
 */

export interface WireErrorEntry {
  /** JSON-RPC code: the standard's, or -32000 and down. */
  readonly code: number
  /** The message that is sent. */
  readonly text: string
  /** When it is sent. */
  readonly when: string
}

export const WIRE_ERROR = {
  UNPARSABLE: {
    code: -32700,
    text: 'The message is not JSON.',
    when: 'A text message does not parse. The id is null.',
  },
  NOT_A_REQUEST: {
    code: -32600,
    text: 'Not a JSON-RPC 2.0 request with an id.',
    when: 'An item is no request object, has no id (a notification), a bad id, or a member too many; an empty batch.',
  },
  UNKNOWN_METHOD: {
    code: -32601,
    text: 'The method is unknown, or is sent by the other side.',
    when: 'No call has that name, or this side is the one that makes it; data.expected says which side does.',
  },
  BAD_PARAMS: {
    code: -32602,
    text: 'The params do not fit the method.',
    when: 'A field is missing, unknown or out of range; data has path, reason, expected, and value when it is short.',
  },
  INTERNAL: {
    code: -32603,
    text: 'This side is at fault: a rule of its own did not hold.',
    when: 'The receiver failed an assertion while it served the call.',
  },
  NOT_YOUR_LPID: {
    code: -32000,
    text: 'The LPID is not yours.',
    when: 'A call names a VM that another session serves. On a server with tokens all LPIDs that are not the own ones get it, so that nobody learns which exist.',
  },
  DEADLOCK: {
    code: -32001,
    text: 'The call would wait for itself.',
    when: 'A page hypercall for a VM, made in the context of an ultracall for the same VM: the real machine would hang.',
  },
  SESSION_UNKNOWN: {
    code: -32002,
    text: 'No such session.',
    when: 'SESSION_OPEN carries a token that names no session, or none any more; a call comes before SESSION_OPEN.',
  },
  TOO_MANY_CALLS: {
    code: -32003,
    text: 'Too many calls in flight.',
    when: 'callsInFlightMax or nestedCallsInFlightMax is reached; the call was not begun, data has limit and max.',
  },
  SHUTTING_DOWN: {
    code: -32004,
    text: 'The server is shutting down.',
    when: 'A call comes, or is still waiting, after the server was told to stop.',
  },
  LPID_UNKNOWN: {
    code: -32005,
    text: 'No VM has that LPID.',
    when: 'A call names no VM, and VMs are not created on first use; only on a server without tokens.',
  },
  HOST_FAULT: {
    code: -32006,
    text: 'The VM is stopped: the real code would have crashed or hung here.',
    when: 'The call led to a host fault, or the VM had one before; data has kind and message.',
  },
  ID_IN_USE: {
    code: -32007,
    text: 'A call with that id is still open.',
    when: 'An id is used again before its answer. The id of the error is null, data has the id.',
  },
  PARENT_UNKNOWN: {
    code: -32008,
    text: 'The parent is no open call of this side.',
    when: 'parent names a call that was never made or is answered already.',
  },
  LIMIT_REACHED: {
    code: -32009,
    text: 'A limit of the server is reached.',
    when: 'One session, VM, memory slot or page more than the server allows; data has limit and max.',
  },
  CONNECTION_LOST: {
    code: -32010,
    text: 'The connection ended before the answer.',
    when: 'Never sent: what a caller is told about its open calls when the connection ends.',
  },
  BAD_ANSWER: {
    code: -32011,
    text: 'The answer does not fit the call.',
    when: 'Never sent: what a caller is told when the answer to its call fails the schema.',
  },
  SESSION_IS_OPEN: {
    code: -32012,
    text: 'This connection has its session already.',
    when: 'A second SESSION_OPEN on one connection.',
  },
  BAD_FRAME: {
    code: -32013,
    text: 'The frame does not fit the layout.',
    when: 'uvmem.v1.bin: no id, or nobody can say where the frame ends; data has path, offset, expected. The id is 0.',
  },
  ID_REUSED: {
    code: -32014,
    text: 'The id belongs to another call of this session.',
    when: 'An id that was answered comes again with another payload; data has the id. The call was not begun.',
  },
  ANSWER_FORGOTTEN: {
    code: -32015,
    text: 'The call came before, and its answer is not kept any more.',
    when: 'An id that is not above all others is unknown, or its answer is gone: answersKeptMax or answerBytesKeptMax do not reach so far; data has id, limit and max. Nothing is executed twice.',
  },
} as const satisfies Record<string, WireErrorEntry>
export type WireErrorName = keyof typeof WIRE_ERROR

/** The name of a code; undefined when this list has no such code. */
export const wireErrorName = (code: number): WireErrorName | undefined => NAME_OF.get(code)

const NAME_OF: ReadonlyMap<number, WireErrorName> = new Map(
  (Object.keys(WIRE_ERROR) as WireErrorName[]).map((name) => [WIRE_ERROR[name].code, name]),
)

export interface CloseEntry {
  /** WebSocket close code: RFC 6455's, or 4000 and up. */
  readonly code: number
  /** The reason that is sent: at most 123 bytes. */
  readonly text: string
  readonly when: string
}

export const CLOSE = {
  NORMAL: { code: 1000, text: 'Done.', when: 'Either side has nothing more to do.' },
  SHUTTING_DOWN: {
    code: 1001,
    text: 'The server is shutting down.',
    when: 'SIGTERM or SIGINT; open calls get SHUTTING_DOWN first.',
  },
  WRONG_KIND: {
    code: 1003,
    text: 'This subprotocol does not use messages of that kind.',
    when: 'A binary message on uvmem.v1.json, or a text message on uvmem.v1.bin.',
  },
  BAD_TEXT: {
    code: 1007,
    text: 'The text is not UTF-8.',
    when: 'A text message that is not UTF-8; a frame of uvmem.v1.bin whose text is not.',
  },
  POLICY: {
    code: 1008,
    text: 'Not allowed.',
    when: 'The peer may not do this, whatever it sends next.',
  },
  TOO_BIG: {
    code: 1009,
    text: 'The message is too big.',
    when: 'A message is longer than messageBytesMax or has more than itemsPerMessageMax items.',
  },
  INTERNAL: {
    code: 1011,
    text: 'This side is at fault: a rule of its own did not hold.',
    when: 'An assertion failed; the session ends, the process goes on.',
  },
  RESTARTING: {
    code: 1012,
    text: 'The server restarts: the session can be resumed.',
    when: 'SIGTERM or SIGINT with --durable: sessions and open calls are on the disk, and go on when the server is back.',
  },
  OVERLOAD: {
    code: 4001,
    text: 'Too many sessions.',
    when: 'sessionsMax is reached.',
  },
  SLOW_READER: {
    code: 4002,
    text: 'The peer reads too slowly.',
    when: 'More than sendBufferBytesMax bytes wait, or more than sendBufferHighBytes and none is taken within pongWaitMsMax.',
  },
  PONG_MISSING: {
    code: 4003,
    text: 'No sign of life.',
    when: 'Nothing came within pongWaitMsMax.',
  },
  HANDSHAKE_LATE: {
    code: 4004,
    text: 'SESSION_OPEN did not come in time.',
    when: 'handshakeMsMax passed after the upgrade.',
  },
  BAD_FRAME: {
    code: 4005,
    text: 'A frame does not say where it ends.',
    when: 'uvmem.v1.bin: an unknown kind or payload, or a frame longer than its message; BAD_FRAME was sent first.',
  },
  HOST_RESET: {
    code: 4006,
    text: 'The host was reset.',
    when: 'An operator reset the host or put an earlier state back: every VM that the peer knew is gone or another.',
  },
  FENCED: {
    code: 4007,
    text: 'The session goes on over another connection.',
    when: 'SESSION_OPEN on another connection carried the token of this one: whatever comes here counts no more.',
  },
  DISK_FAILED: {
    code: 4008,
    text: 'The server can keep nothing any more.',
    when: 'The disk failed under --durable: what was not answered may be lost, and counts as not done until the server is back.',
  },
  RESUME_LATE: {
    code: 4009,
    text: 'Fewer calls came again than were announced.',
    when: 'resumeMsMax passed after a resume, and fewer calls had come than its unanswered said. The session can be resumed.',
  },
} as const satisfies Record<string, CloseEntry>
export type CloseName = keyof typeof CLOSE
