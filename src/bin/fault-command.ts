/** `uvmem fault`: what goes wrong on purpose at a server, from a shell. */
import type { Command } from 'commander'
import { z } from 'zod'
import { FAULT_CALLS, faultDelayMsMax } from '../../schemas/faults.ts'
import { LPID_MAX } from '../abi/page.ts'
import { type Asked, type Given, type HvRest, RestError } from '../peer/hv-rest.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { flag, integer, oneOf, option, own, text } from './option.ts'
import { REST_HELP, REST_OPTIONS, RestOptions, serveCommand, writeJson } from './rest-access.ts'
import { type Column, tableText } from './table.ts'

const EXAMPLES = `
Examples:
  uvmem fault add --call UV_PAGE_IN --nth 3 --answer -4    the third one is refused: U_PARAMETER
  uvmem fault add --call H_SVM_PAGE_IN --lpid 1 --delay 200 --probability 0.1 --seed 7
  uvmem fault add --call UV_PAGE_OUT --cut before          the connection breaks first
  uvmem fault add --preset page-in-refused                 one of: uvmem fault presets
  uvmem fault ls
  uvmem fault rm f1 f2; uvmem fault rm --all
${REST_HELP}`

const COUNT_MAX = 2 ** 31

const ACTIONS = {
  answer: option(
    integer(-(2 ** 31), 2 ** 31 - 1, 'a return code').optional(),
    'answer with this code at once; the call has no effect',
    { value: 'code', group: 'What happens:' },
  ),
  delay: option(
    integer(1, faultDelayMsMax, 'milliseconds').optional(),
    'put it off by so many milliseconds',
    { value: 'ms', group: 'What happens:' },
  ),
  drop: option(flag('drop').default(false), 'lose its answer', {
    kind: 'flag',
    group: 'What happens:',
  }),
  cut: option(
    oneOf(['before', 'after'], 'when').optional(),
    'cut the connection before or after it has its effect',
    { value: 'when', group: 'What happens:' },
  ),
  exhaustPool: option(flag('exhaust-pool').default(false), 'let it find no device PFN', {
    kind: 'flag',
    group: 'What happens:',
  }),
}

const number = (max: number, min: number, what: string, help: string) =>
  option(integer(min, max, what).optional(), help, { value: 'number', group: 'To which calls:' })

const share = text('a share').regex(/^(?:0|1|0?\.\d+)$/, 'a share: a number from 0 to 1')

const RULE = own({
  preset: option(text('a preset').optional(), 'the rules of a preset instead', { value: 'name' }),
  call: option(oneOf(FAULT_CALLS, 'a call').optional(), 'the call or operation', {
    value: 'name',
    group: 'To which calls:',
  }),
  lpid: number(LPID_MAX, 1, 'an LPID', 'of this VM'),
  gfn: number(2 ** 37 - 1, 0, 'a GFN', 'about this frame'),
  count: number(2 ** 37, 1, 'frames', 'or about so many frames from there on'),
  nth: number(COUNT_MAX, 1, 'a number', 'only the n-th that fits, from 1'),
  every: number(COUNT_MAX, 1, 'a number', 'every n-th that fits'),
  times: number(COUNT_MAX, 1, 'a number', 'so often at most'),
  probability: option(share.optional(), 'a share of them, by chance', {
    value: 'share',
    group: 'To which calls:',
  }),
  seed: number(2 ** 32 - 1, 0, 'a seed', 'the seed of that chance'),
  name: option(text('a name').optional(), 'what to call the rule', { value: 'text' }),
  ...ACTIONS,
})
export const AddOptions = z.strictObject({ ...REST_OPTIONS, ...RULE })
type AddOptions = z.output<typeof AddOptions>
export const RemoveOptions = z.strictObject({
  ...REST_OPTIONS,
  ...own({ all: option(flag('all').default(false), 'every rule', { kind: 'flag' }) }),
})

type Entry = Given<'listFaults'>['rules'][number]
type Rule = NonNullable<Asked<'addFault'>['body']>

export function register(program: Command, io: Io): void {
  const fault = program.command('fault').description('Let calls fail, late, lost or starved')
  fault.addHelpText('after', EXAMPLES)
  const part = (name: string, about: string): Command =>
    fault.command(name).description(about).addHelpText('after', EXAMPLES)
  serveCommand(part('ls', 'List the rules in force'), RestOptions, io, async (rest, { json }) => {
    tell((await rest.call('listFaults')).rules, json, io)
  })
  serveCommand(part('presets', 'List ready-made rules'), RestOptions, io, listPresets)
  serveCommand(part('add', 'Add a rule, asked after those before it'), AddOptions, io, add)
  const remove = part('rm', 'Remove rules').argument('[id...]', 'ids, as ls shows them')
  serveCommand(remove, RemoveOptions, io, removeRules)
}

const COLUMNS: readonly Column[] = [
  { title: 'ID' },
  { title: 'CALL' },
  { title: 'WHICH' },
  { title: 'WHAT HAPPENS' },
  { title: 'SEEN', right: true },
  { title: 'HITS', right: true },
  { title: 'NAME' },
]

function tell(rules: readonly Entry[], json: boolean, io: Io): void {
  if (json) return writeJson(io, { rules })
  const rows = rules.map(({ id, rule, seen, hits }) => {
    const { call, action, name, ...which } = rule
    const matches = Object.entries(which).map(([key, value]) => `${key} ${value}`)
    const { do: what, ...how } = action
    const happens = [what, ...Object.values(how)].join(' ')
    return [id, call, matches.join(', ') || 'every', happens, seen, hits, name ?? '']
  })
  io.out.write(tableText(COLUMNS, rows))
}

async function listPresets(rest: HvRest, { json }: RestOptions, io: Io): Promise<void> {
  const { presets } = await rest.call('listFaultPresets')
  if (json) return writeJson(io, { presets })
  for (const { name, about } of presets) io.out.write(`${name}\n  ${about}\n`)
}

async function add(rest: HvRest, options: AddOptions, io: Io): Promise<void> {
  const { preset, json } = options
  if (preset === undefined) {
    tell([await rest.call('addFault', { body: ruleOf(options) })], json, io)
  } else {
    const { rules } = await rest.call('addFaultPreset', { path: { name: preset } })
    tell(rules, json, io)
  }
}

function ruleOf(options: AddOptions): Rule {
  const { call, lpid, gfn, count, nth, every, times, probability, seed, name } = options
  if (call === undefined) throw new CommandError('--call is missing: which call goes wrong?')
  const chance = probability === undefined ? undefined : Number(probability)
  const match = { lpid, gfn, count, nth, every, times, probability: chance, seed, name }
  const given = Object.entries(match).filter(([, value]) => value !== undefined)
  return { call, action: actionOf(options), ...Object.fromEntries(given) }
}

function actionOf({ answer, delay, drop, cut, exhaustPool }: AddOptions): Rule['action'] {
  const actions: Rule['action'][] = [
    ...(answer === undefined ? [] : [{ do: 'answer', code: answer } as const]),
    ...(delay === undefined ? [] : [{ do: 'delay', ms: delay } as const]),
    ...(drop ? [{ do: 'drop' } as const] : []),
    ...(cut === undefined ? [] : [{ do: 'cut', when: cut } as const]),
    ...(exhaustPool ? [{ do: 'exhaust-pool' } as const] : []),
  ]
  const [action, second] = actions
  if (action !== undefined && second === undefined) return action
  const names = '--answer, --delay, --drop, --cut and --exhaust-pool'
  throw new CommandError(`expected one of ${names}, not ${actions.length}`)
}

async function removeRules(
  rest: HvRest,
  { all, json }: z.output<typeof RemoveOptions>,
  io: Io,
  ids: readonly string[],
): Promise<void> {
  if (all === ids.length > 0) throw new CommandError('expected ids of rules, or --all')
  if (all) return tell((await rest.call('removeFaults')).rules, json, io)
  const gone: Entry[] = []
  const missing: string[] = []
  for (const id of ids) {
    try {
      gone.push(await rest.call('removeFault', { path: { id } }))
    } catch (error) {
      if (!(error instanceof RestError)) throw error
      missing.push(error.message)
    }
  }
  tell(gone, json, io)
  if (missing.length > 0) throw new CommandError(missing.join('\n'), ExitCode.Failed)
}
