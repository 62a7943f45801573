/** Why mutants of the code of sessions live (see reasons.ts). */
import type { Lines } from './reasons.ts'

const NO_ID = 'only saves time: no call has the id 0'
const UNREAD = 'nobody reads the kind: a meeting that is no word is a fault'
const IS_THERE = 'it is there: only the type does not know'
const IS_CLIENT =
  'nothing ends, breaks or fails before the client is there: only the type does not know'
const NOT_GIVEN = 'an option that is undefined is one that was not given: only the type knows two'
const NO_CALL = 'no call has that id, and so no answer'

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
  'src/peer/rpc-fingerprint.ts': [
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
  ],
  'src/peer/rpc-inbox.ts': [
    ["'fault'", '""', UNREAD],
    ["'answered'", '""', 'what is neither new nor open is answered again'],
    ['this.answers?.index', 'this.answers.index', 'only who keeps answers has another connection'],
    ['this.answers?.find', 'this.answers.find', IS_THERE],
    ['-1', '+1', 'only who keeps answers is asked for one'],
    ['this.answers?.outcome', 'this.answers.outcome', IS_THERE],
    [
      'last !== undefined && last.code === error.code && last.data === error.data',
      'false',
      'only saves memory: one object for many that are alike',
    ],
    [
      'last.code === error.code',
      ['true', 'last.code !== error.code'],
      'only saves memory: refusals with one object of details have one code',
    ],
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
    ['kept === FORGOTTEN', 'false', 'a symbol has no bytes'],
    ["kept.kind === 'error'", 'false', 'an error has no bytes'],
    ["'error'", '""', 'an error has no bytes'],
    ['[]', '["Stryker was here"]', 'the first answer takes that place'],
    [
      'this.#total === this.#capacity',
      'true',
      'only costs memory: the ring grows before it is full',
    ],
    [
      "outcome.kind === 'answer' && isPlain(outcome)",
      'false',
      'only costs memory: an object says the same as its numbers',
    ],
    ["'answer'", '""', 'only costs memory: an object says the same as its numbers'],
    [
      'page === undefined && bytes === undefined && session === undefined',
      'false',
      'only costs memory: an object says the same as its numbers',
    ],
    [
      "({ page, bytes, session }: Extract<Outcome, { kind: 'answer' }>): boolean => page === undefined && bytes === undefined && session === undefined",
      '() => undefined',
      'only costs memory: an object says the same as its numbers',
    ],
    ["more.kind === 'error'", 'true', 'a copy of an answer says the same'],
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
  'src/peer/rpc-connection.ts': [
    [
      '!this.#rest.isOver',
      'true',
      'what waits leaves a little sooner, in the same order: it would at the end of the turn',
    ],
  ],
  'src/peer/rpc-rest.ts': [
    ['item === undefined', 'false', IS_THERE],
    ['this.isOver', 'false', 'only frees memory: what was said is not said again'],
    ["body.call === 'MEM_WRITE'", 'true', 'no other call has bytes: only the type does not know'],
  ],
  'src/peer/rpc-restore.ts': [['parent === 0', 'false', NO_ID]],
  'src/peer/rpc-resume.ts': [['[]', '["Stryker was here"]', NO_CALL]],
  'src/peer/rpc-service.ts': [
    ['parent === 0', 'false', NO_ID],
    ['call.parent === 0', 'false', NO_ID],
  ],
  'src/peer/uv-client.ts': [
    ['watch === undefined', 'false', NOT_GIVEN],
    ['limits === undefined', 'false', NOT_GIVEN],
    ['cipher === undefined', 'false', NOT_GIVEN],
    ['backoff === undefined', 'false', NOT_GIVEN],
    ['connection?.receive', 'connection.receive', IS_THERE],
    ['client?.hasSession', 'client.hasSession', IS_CLIENT],
    ['client?.attempt', 'client.attempt', IS_CLIENT],
    ['client?.detach', 'client.detach', IS_CLIENT],
    ['client?.lose', 'client.lose', IS_CLIENT],
  ],
  'src/peer/uv-give-up.ts': [
    ['peer?.end', 'peer.end', 'nothing ends or fails before the peer is there'],
  ],
  'src/peer/uv-gate.ts': [
    ["outcome.kind === 'error'", 'true', 'an answer has no code: only the type does not know'],
    [
      'this.length > 0',
      ['true', 'this.length >= 0'],
      'only saves time: of nothing nothing is taken',
    ],
    ['next !== undefined', 'true', IS_THERE],
    ["typeof max === 'number'", 'true', 'what is no number is no integer'],
  ],
  'src/server/uv-conversation.ts': [
    ['transport === undefined', 'false', 'a transport that is undefined is none'],
    ['session === undefined', 'false', 'of no session there is no conversation'],
  ],
}
