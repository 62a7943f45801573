/** SESSION_OPEN: the first call of a connection, ultravisor to hypervisor. */
import { z } from 'zod'
import { ResultName } from './envelope.ts'
import { LIMITS } from './limits.ts'
import type { SessionOpen } from './messages.ts'
import { defineMethod } from './method.ts'
import { ATTEMPT_MAX, CallId, integer, text, UNANSWERED_MAX } from './values.ts'

const Token = text(LIMITS.tokenCharsMax, 'a token')

/** Refusals are errors (SESSION_UNKNOWN, LIMIT_REACHED), so a result is always a success. */
export const SessionResult = z.strictObject({
  ret: z.literal(0, { error: '0' }),
  name: ResultName,
  session: text(LIMITS.sessionNameCharsMax, 'the name of the session'),
  token: Token,
  host: z.strictObject({
    page_shift: integer(16, 16, 'the page shift'),
    pool_pages: integer(0, Number.MAX_SAFE_INTEGER, 'device pages in the pool'),
    profile: text(LIMITS.sessionNameCharsMax, 'the name of a profile'),
  }),
})

export const OpenSession = defineMethod({
  name: 'SESSION_OPEN',
  params: z.strictObject({
    parent: CallId.optional(),
    name: text(LIMITS.sessionNameCharsMax, 'a name for the session'),
    resume: Token.optional(),
    unanswered: integer(0, UNANSWERED_MAX, 'calls that come again').optional(),
    attempt: integer(0, ATTEMPT_MAX, 'attempts to resume, counted up').optional(),
  }),
  body: ({ name, resume, unanswered, attempt }): SessionOpen => ({
    call: 'SESSION_OPEN',
    name,
    ...(resume === undefined ? {} : { resume }),
    ...(unanswered === undefined ? {} : { unanswered }),
    ...(attempt === undefined ? {} : { attempt }),
  }),
  write: ({ name, resume, unanswered, attempt }) => {
    const token = resume === undefined ? '' : `,"resume":${JSON.stringify(resume)}`
    const count = unanswered === undefined ? '' : `,"unanswered":${unanswered}`
    const number = attempt === undefined ? '' : `,"attempt":${attempt}`
    return `"name":${JSON.stringify(name)}${token}${count}${number}`
  },
  result: SessionResult,
  output: ({ session, token, host }) => ({
    session: {
      session,
      token,
      host: { pageShift: host.page_shift, poolPages: host.pool_pages, profile: host.profile },
    },
  }),
})
