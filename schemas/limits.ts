/**
 * Every limit of the wire, by name, units last. The server may be told other values for most of
 * them; these are the defaults. schemas/README.md lists them, and a test compares the two.
 */
export const LIMITS = {
  /** Bytes of one WebSocket message that either side accepts; a bigger one closes with 1009. */
  messageBytesMax: 4_194_304,
  /** Bytes that one message of ours is filled to before the next one is begun. */
  batchBytesMax: 1_048_576,
  /** Calls, answers and errors in one message; more of them close with 1009. */
  itemsPerMessageMax: 4_096,
  /** Members of one object in a message of JSON; more of them are an error, and nobody reads them. */
  membersMax: 64,
  /** Fragments of one WebSocket message; more of them close with 1008. */
  fragmentsPerMessageMax: 1_024,
  /** Pieces in which one WebSocket frame comes off the wire; more of them close with 1008. */
  chunksPerMessageMax: 16_384,
  /** Calls without a parent that one side may have open at the other. */
  callsInFlightMax: 1_024,
  /** Calls with a parent that one side may have open at the other: apart, so that they never starve. */
  nestedCallsInFlightMax: 4_096,
  /** Bytes waiting to be sent above which the hypervisor stops reading from that client. */
  sendBufferHighBytes: 4_194_304,
  /** Bytes waiting to be sent above which the connection is cut as SLOW_READER; 2,097,152 at least. */
  sendBufferBytesMax: 67_108_864,
  /** TCP connections at once, whatever they are for; one more is ended at once. */
  connectionsMax: 16_384,
  /** Sessions open at once. */
  sessionsMax: 2_048,
  /** VMs that exist at once: one per LPID. */
  vmsMax: 4_095,
  /** Memory slots of one VM. */
  slotsPerVmMax: 512,
  /** Pages in one memory slot: 16 TiB of guest memory. */
  framesPerSlotMax: 268_435_456,
  /** Pages in all memory slots of all VMs: 256 TiB of guest memory. */
  framesTotalMax: 4_294_967_296,
  /** Characters in the name that a client gives its session. */
  sessionNameCharsMax: 64,
  /** Characters in a session's token. */
  tokenCharsMax: 128,
  /** Milliseconds until the headers of an HTTP request are there; then it gets 408. */
  headersMsMax: 10_000,
  /** Milliseconds until an HTTP request is there with its body; then it gets 408. */
  requestMsMax: 300_000,
  /** Milliseconds that an HTTP connection is kept for the next request. */
  keepAliveMsMax: 60_000,
  /** Milliseconds without a byte either way after which an HTTP connection is cut. */
  stillMsMax: 660_000,
  /** Milliseconds from the upgrade to SESSION_OPEN. */
  handshakeMsMax: 10_000,
  /** Milliseconds between two pings. */
  pingIntervalMs: 15_000,
  /** Milliseconds without a pong, or anything else, after which a peer counts as gone. */
  pongWaitMsMax: 30_000,
  /** Milliseconds that a session outlives its connection. */
  sessionGraceMs: 30_000,
  /** Milliseconds from a resume until the calls must have come again that it announced; then 4009. */
  resumeMsMax: 10_000,
  /** Answers that one side keeps to give them again: as many as can be lost with a connection. */
  answersKeptMax: 5_120,
  /** Bytes of pages in the answers that one side keeps. */
  answerBytesKeptMax: 16_777_216,
} as const
export type LimitName = keyof typeof LIMITS
export type Limits = { readonly [Name in LimitName]: number }
