/** Why mutants of the code of sessions live (see reasons.ts). */
import type { Lines } from './reasons.ts'

const NO_ID = 'only saves time: no call has the id 0'
const UNREAD = 'nobody reads the kind: a meeting that is no word is a fault'
const IS_THERE = 'it is there: only the type does not know'
const NO_CALL = 'no call has that id, and so no answer'
const AS_GOOD = 'another mix of the same words, as good'

export const SESSIONS: Lines = {
  'src/hv/session.ts': [
    [
      'session !== undefined && sameDigest(session.digest, digest)',
      'true',
      'who is found by a digest has it: to compare the two again only takes as long for any other',
    ],
  ],
  'src/peer/rpc-calls.ts': [
    ['output === undefined', 'false', 'only saves time: to spread nothing adds nothing'],
  ],
  'src/peer/rpc-drive.ts': [['false', 'true', 'it is set before anybody looks']],
  'src/peer/rpc-fingerprint.ts': [
    ['default: unreachable(body)', 'default:', 'there is no other call'],
    [
      "body.call !== 'SESSION_OPEN'",
      'true',
      'SESSION_OPEN has no LPID to mix in, and nobody asks for its fingerprint',
    ],
    [
      "'SESSION_OPEN'",
      '""',
      'SESSION_OPEN has no LPID to mix in, and nobody asks for its fingerprint',
    ],
    [
      'body.bytes?.length ?? -1',
      'body.bytes?.length && -1',
      'every byte moves the lanes, so their number shows without being told',
    ],
    ['-1', '+1', 'another number for no bytes than for any number of them, as those are mixed in'],
    ['bytes.byteOffset % 4 === 0', 'false', 'only saves time: a copy has the same bytes'],
    ['bytes.byteOffset % 4', 'bytes.byteOffset * 4', 'only saves time: a copy has the same bytes'],
    ['~7', '7', 'only saves time: what is not taken in eights is taken byte by byte'],
    [
      'Math.imul(((a << 5) | (a >>> 27)) ^ (view[at] as number), A) + (view[at + 1] as number)',
      'Math.imul((a << 5 | a >>> 27) ^ view[at] as number, A) - (view[at + 1] as number)',
      AS_GOOD,
    ],
    [
      'Math.imul(((b << 5) | (b >>> 27)) ^ (view[at + 2] as number), B) + (view[at + 3] as number)',
      'Math.imul((b << 5 | b >>> 27) ^ view[at + 2] as number, B) - (view[at + 3] as number)',
      AS_GOOD,
    ],
    [
      'Math.imul(((c << 5) | (c >>> 27)) ^ (view[at + 4] as number), C) + (view[at + 5] as number)',
      'Math.imul((c << 5 | c >>> 27) ^ view[at + 4] as number, C) - (view[at + 5] as number)',
      AS_GOOD,
    ],
    [
      'Math.imul(((d << 5) | (d >>> 27)) ^ (view[at + 6] as number), D) + (view[at + 7] as number)',
      'Math.imul((d << 5 | d >>> 27) ^ view[at + 6] as number, D) - (view[at + 7] as number)',
      AS_GOOD,
    ],
    ['whole * 4', 'whole / 4', 'only saves time: some bytes are mixed in twice'],
    [
      'at < bytes.length',
      'at <= bytes.length',
      'one step more without a byte, the same for all that are as long',
    ],
  ],
  'src/peer/rpc-inbox.ts': [
    ["'fault'", '""', UNREAD],
    ["'answered'", '""', 'what is neither new nor open is answered again'],
    ['this.answers?.index', 'this.answers.index', 'only who keeps answers has another connection'],
    ['this.answers?.outcome', 'this.answers.outcome', IS_THERE],
    [
      'answers !== undefined',
      'true',
      'only saves time: who keeps no answers is asked for no call again',
    ],
    [
      '((id - this.highest) | 0) > 0',
      '(id - this.highest | 0) >= 0',
      'the highest id is put in place of itself',
    ],
  ],
  'src/peer/rpc-kept-answers.ts': [
    ['this.#index?.get', 'this.#index.get', IS_THERE],
    ['oldest >= 0', 'true', 'no answer has a number below 0'],
  ],
  'src/peer/rpc-outbox.ts': [
    [
      "item.kind === 'answer'",
      'true',
      'a call has its page in its body, and an error none: only the type does not know',
    ],
    ['items.length === 0', 'false', 'only saves time: of nothing nothing is sent'],
    ['[]', '["Stryker was here"]', 'only frees memory: nothing is sent or counted after the end'],
  ],
  'src/peer/rpc-peer.ts': [
    ['default: unreachable(item)', 'default:', 'there is no other kind'],
    ['parent === 0', 'false', NO_ID],
    [
      'this.#connection === undefined',
      'false',
      'only saves time: without a connection nothing is said to anybody',
    ],
    ['this.#ended', 'false', 'only saves time: what has ended has nothing left to end'],
    ['this.#flushing', ['true', 'false'], 'only saves time: of nothing nothing is sent'],
    ['this.#connection?.isHeavy', 'this.#connection.isHeavy', IS_THERE],
  ],
  'src/peer/rpc-restore.ts': [['parent === 0', 'false', NO_ID]],
  'src/peer/rpc-resume.ts': [['[]', '["Stryker was here"]', NO_CALL]],
  'src/peer/rpc-service.ts': [
    ['parent === 0', 'false', NO_ID],
    ['call.parent === 0', 'false', NO_ID],
  ],
  'src/server/uv-conversation.ts': [
    ['transport === undefined', 'false', 'a transport that is undefined is none'],
    ['session === undefined', 'false', 'of no session there is no conversation'],
  ],
}
