/** `uvmem frames LPID`: the hypervisor's states of a VM's frames, as runs, from a shell. */
import type { Command } from 'commander'
import { z } from 'zod'
import { asGfn, type Lpid, PAGE_SIZE } from '../abi/page.ts'
import type { Given, HvRest } from '../peer/hv-rest.ts'
import type { Io } from './io.ts'
import { flag, integer, oneOf, option, own, text } from './option.ts'
import { lpidWord, REST_HELP, REST_OPTIONS, serveCommand, writeJson } from './rest-access.ts'
import { sizeText } from './size.ts'
import { type Column, factsText, headText, rowsText } from './table.ts'

const EXAMPLES = `
Examples:
  uvmem frames 1                            every run of frames in one state
  uvmem frames 1 --state shared             what the host may read
  uvmem frames 1 --backing --limit 20       with PFNs and RAs
  uvmem frames 1 --gfn 0x40                 one frame in detail
  uvmem frames 1 --json | jq .state         one JSON object for each run
${REST_HELP}`

const RUNS_PER_ANSWER = 10_000
const STATES = ['normal', 'secure', 'paged_out', 'shared'] as const

/** A GFN, decimal or with 0x, as the server takes it. */
const gfnText = (what: string) =>
  text(what).regex(/^(?:0[xX][0-9a-fA-F]{1,12}|\d{1,15})$/, `${what}: decimal, or with 0x`)

const LOOK = own({
  state: option(oneOf(STATES, 'a state').optional(), `only frames that are ${STATES.join(', ')}`, {
    value: 'state',
  }),
  from: option(gfnText('a GFN').optional(), 'first GFN to look at', { value: 'gfn' }),
  limit: option(integer(1, Number.MAX_SAFE_INTEGER, 'runs').optional(), 'runs at most', {
    value: 'number',
    shownDefault: 'all',
  }),
  backing: option(
    flag('backing').default(false),
    'end runs also where PFNs or RAs stop counting up, and show them',
    { kind: 'flag' },
  ),
  gfn: option(gfnText('a GFN').optional(), 'one frame in detail', { value: 'gfn' }),
})
export const FramesOptions = z.strictObject({ ...REST_OPTIONS, ...LOOK })
type FramesOptions = z.output<typeof FramesOptions>
type Run = Given<'listFrames'>['runs'][number]

export function register(program: Command, io: Io): void {
  const command = program
    .command('frames')
    .description("Show the states of a VM's frames")
    .argument('<lpid>', 'its LPID', lpidWord)
    .addHelpText('after', EXAMPLES)
  serveCommand(command, FramesOptions, io, (rest, options, out, lpid: Lpid) =>
    options.gfn === undefined
      ? showRuns(rest, options, out, lpid)
      : showFrame(rest, options.json, out, lpid, asGfn(Number(options.gfn))),
  )
}

const COLUMNS: readonly Column[] = [
  { title: 'GFN', right: true, width: 10 },
  { title: 'GPA', right: true, width: 14 },
  { title: 'PAGES', right: true, width: 9 },
  { title: 'SIZE', right: true, width: 9 },
  { title: 'STATE', width: 9 },
]
const BACKING: readonly Column[] = [
  ...COLUMNS,
  { title: 'MAPS', width: 7 },
  { title: 'PFN', right: true, width: 9 },
  { title: 'RA', right: true, width: 14 },
]

const hex = (value: number): string => `0x${value.toString(16)}`

function rowOf({ from, count, state, maps, pfn, ra }: Run): readonly (string | number)[] {
  const bytes = count * PAGE_SIZE
  const row = [hex(from), hex(from * PAGE_SIZE), count, sizeText(bytes), state]
  return maps === undefined ? row : [...row, maps, pfn ?? '-', ra ?? '-']
}

/** Page by page: a VM may have a million runs. */
async function showRuns(rest: HvRest, options: FramesOptions, io: Io, lpid: Lpid): Promise<void> {
  const { json, backing, state, limit = Number.MAX_SAFE_INTEGER } = options
  const columns = backing ? BACKING : COLUMNS
  const asked = { by: backing ? 'backing' : 'state', ...(state === undefined ? {} : { state }) }
  let left = limit
  let isFirst = true
  for (let from: string | number | null = options.from ?? 0; from !== null && left > 0; ) {
    const query = { ...asked, from, limit: Math.min(left, RUNS_PER_ANSWER) }
    const page: Given<'listFrames'> = await rest.call('listFrames', { path: { lpid }, query })
    if (isFirst && !json) io.out.write(headText(columns))
    isFirst = false
    if (json) for (const run of page.runs) writeJson(io, run)
    else io.out.write(rowsText(columns, page.runs.map(rowOf)))
    left -= page.runs.length
    from = page.next
  }
}

async function showFrame(
  rest: HvRest,
  json: boolean,
  io: Io,
  lpid: Lpid,
  gfn: number,
): Promise<void> {
  const frame = await rest.call('getFrame', { path: { lpid, gfn } })
  if (json) return writeJson(io, frame)
  const { host } = frame
  const content = host.content === null ? '' : `, holds ${host.content}`
  io.out.write(
    factsText([
      ['GFN', hex(frame.gfn)],
      ['GPA', frame.gpa],
      ['slot', frame.slot],
      ['state', frame.state],
      ['tracked', frame.tracked ? 'yes' : 'no: no uvmem slot covers it'],
      ['device PFN', frame.pfn ?? '-'],
      ['host maps', `${host.maps}${host.ra === null ? '' : ` at ${host.ra}`}${content}`],
      ['swapped', host.swapped ? 'yes' : 'no'],
      ['pinned', frame.pinned ? 'yes' : 'no'],
    ]),
  )
}
