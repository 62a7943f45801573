/** `uvmem journal`: what has happened at a server, and with -f what happens, from a shell. */
import type { Command } from 'commander'
import { z } from 'zod'
import { JOURNAL_KINDS, journalEventsPerAnswerMax } from '../../schemas/rest/journal.ts'
import { LPID_MAX } from '../abi/page.ts'
import type { HvRest } from '../peer/hv-rest.ts'
import type { Io } from './io.ts'
import { eventLine, type JournalEvent } from './journal-text.ts'
import { flag, integer, oneOf, option, own, text } from './option.ts'
import { REST_HELP, REST_OPTIONS, serveCommand, writeJson } from './rest-access.ts'

const EXAMPLES = `
Examples:
  uvmem journal                             the last 20 events, each refusal with its reason
  uvmem journal -f --lpid 1                 everything about VM 1 as it happens, until Ctrl-C
  uvmem journal --refused --limit 100       what was refused, and which check said no
  uvmem journal --gfn 0x40 --kind frames    the states that a frame went through
  uvmem journal --json | jq .reason         one JSON object for each event

A line: serial, seconds since the start, VM, the call that it happened in, and what happened.
${REST_HELP}`

/** Events that -f begins with, at most. */
const BACKLOG_MAX = 1_000

const FILTER = own({
  lpid: option(integer(1, LPID_MAX, 'an LPID').optional(), 'only events of this VM', {
    value: 'number',
  }),
  gfn: option(
    text('a GFN')
      .regex(/^(?:0[xX][0-9a-fA-F]{1,12}|\d{1,15})$/, 'a GFN: decimal, or with 0x')
      .optional(),
    'only events about this frame',
    { value: 'gfn' },
  ),
  call: option(text('a call').optional(), 'only this call or operation', { value: 'name' }),
  code: option(
    integer(-(2 ** 31), 2 ** 31 - 1, 'a code').optional(),
    'only calls that ended with this code',
    { value: 'number' },
  ),
  kind: option(oneOf(JOURNAL_KINDS, 'a kind').optional(), `only ${JOURNAL_KINDS.join(', ')}`, {
    value: 'kind',
  }),
  refused: option(
    flag('refused').optional(),
    'only what was refused; --no-refused: only what was not',
    {
      kind: 'flag',
    },
  ),
})
const SHOWN = own({
  limit: option(integer(1, journalEventsPerAnswerMax, 'events').default(20), 'events at most', {
    value: 'number',
    shownDefault: '20',
  }),
  follow: option(flag('follow').default(false), 'go on with what happens', {
    kind: 'flag',
    short: 'f',
  }),
})
export const JournalOptions = z.strictObject({ ...REST_OPTIONS, ...FILTER, ...SHOWN })
type JournalOptions = z.output<typeof JournalOptions>

export function register(program: Command, io: Io): void {
  const command = program.command('journal').description('Show what has happened at a server')
  command.addHelpText('after', EXAMPLES)
  serveCommand(command, JournalOptions, io, (rest, options) =>
    options.follow ? follow(rest, options, io) : showLatest(rest, options, io),
  )
}

/** The filter as a query: what was not asked for is left out. */
function filterOf(options: JournalOptions): Record<string, string | number | boolean> {
  const asked = Object.keys(FILTER).map(
    (key) => [key, options[key as keyof typeof FILTER]] as const,
  )
  return Object.fromEntries(
    asked.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
  )
}

function show(events: readonly JournalEvent[], { json }: JournalOptions, io: Io): void {
  if (json) for (const event of events) writeJson(io, event)
  else io.out.write(events.map(eventLine).join(''))
}

async function showLatest(rest: HvRest, options: JournalOptions, io: Io): Promise<void> {
  const query = { ...filterOf(options), limit: options.limit }
  const { events } = await rest.call('listJournal', { query })
  show(events.reverse(), options, io)
}

/** Until a signal comes; what the stream could not hold is told beside it. */
async function follow(rest: HvRest, options: JournalOptions, io: Io): Promise<void> {
  const stop = new AbortController()
  io.onSignal(() => stop.abort())
  const query = { ...filterOf(options), backlog: Math.min(options.limit, BACKLOG_MAX) }
  for await (const { events, lost } of rest.follow({ ...query, most: 4_096 }, stop.signal)) {
    show(events, options, io)
    if (lost > 0) io.err.write(`${lost} events are left out: they come faster than they are read\n`)
  }
}
