/** What every limit of the wire is, in a sentence: for `uvmem hv --help` and schemas/README.md. */
import type { LimitName } from './limits.ts'

export const LIMIT_TEXTS: Readonly<Record<LimitName, string>> = {
  messageBytesMax:
    'Bytes of one WebSocket message that either side accepts; a bigger one closes with 1009.',
  batchBytesMax: 'Bytes that one message of ours is filled to before the next one is begun.',
  itemsPerMessageMax: 'Calls, answers and errors in one message; more of them close with 1009.',
  membersMax:
    'Members of one object in a message of JSON; more of them are an error, and nobody reads them.',
  fragmentsPerMessageMax: 'Fragments of one WebSocket message; more of them close with 1008.',
  chunksPerMessageMax:
    'Pieces in which one WebSocket frame comes off the wire; more of them close with 1008.',
  callsInFlightMax: 'Calls without a parent that one side may have open at the other.',
  nestedCallsInFlightMax:
    'Calls with a parent that one side may have open at the other: apart, so that they never starve.',
  sendBufferHighBytes:
    'Bytes waiting to be sent above which the hypervisor stops reading from that client.',
  sendBufferBytesMax:
    'Bytes waiting to be sent above which the connection is cut as SLOW_READER; 2,097,152 at least.',
  connectionsMax: 'TCP connections at once, whatever they are for; one more is ended at once.',
  sessionsMax: 'Sessions open at once.',
  vmsMax: 'VMs that exist at once: one per LPID.',
  slotsPerVmMax: 'Memory slots of one VM.',
  framesPerSlotMax: 'Pages in one memory slot: 16 TiB of guest memory.',
  framesTotalMax: 'Pages in all memory slots of all VMs: 256 TiB of guest memory.',
  sessionNameCharsMax: 'Characters in the name that a client gives its session.',
  tokenCharsMax: "Characters in a session's token.",
  headersMsMax: 'Milliseconds until the headers of an HTTP request are there; then it gets 408.',
  requestMsMax: 'Milliseconds until an HTTP request is there with its body; then it gets 408.',
  keepAliveMsMax: 'Milliseconds that an HTTP connection is kept for the next request.',
  stillMsMax: 'Milliseconds without a byte either way after which an HTTP connection is cut.',
  handshakeMsMax: 'Milliseconds from the upgrade to SESSION_OPEN.',
  pingIntervalMs: 'Milliseconds between two pings.',
  pongWaitMsMax:
    'Milliseconds without a pong, or anything else, after which a peer counts as gone.',
  sessionGraceMs: 'Milliseconds that a session outlives its connection.',
  resumeMsMax:
    'Milliseconds from a resume until the calls must have come again that it announced; then 4009.',
  answersKeptMax:
    'Answers that one side keeps to give them again: as many as can be lost with a connection.',
  answerBytesKeptMax: 'Bytes of pages in the answers that one side keeps.',
}
