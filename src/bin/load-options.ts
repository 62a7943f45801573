/** The options of `uvmem load`. */
import { z } from 'zod'
import { LPID_MAX } from '../abi/page.ts'
import { type Chaos, NO_CHAOS, parseChaos } from '../load/chaos.ts'
import { type Mix, parseMix } from '../load/mix.ts'
import { vmPagesMin } from '../load/plan.ts'
import { parseThreshold, type Threshold } from '../load/threshold.ts'
import { UV_LIMITS } from '../ultravisor/limits.ts'
import { UV_CHOICES } from './choices.ts'
import { duration } from './duration-option.ts'
import { uvNetOptions } from './net-options.ts'
import { integer, list, oneOf, option, pages, text } from './option.ts'

const GROUP = { load: 'Load:', time: 'Time:', out: 'Output:' }
const VM_PAGES_MAX = 2 ** 28
const MIX = 'boot=1,churn=4,share=2,fault=2,hotplug=1,reboot=1,touch=1'

/** Text that `parse` turns into a value, or into a sentence that says what is wrong. */
function parsed<T>(what: string, parse: (given: string) => T | string) {
  return text(what).transform((given, context): Exclude<T, string> => {
    const value = parse(given)
    if (typeof value !== 'string') return value as Exclude<T, string>
    context.addIssue({ code: 'custom', message: value })
    return z.NEVER
  })
}

/** Operations a second: `200`, `200/s`. */
const rate = (what: string) => {
  const expected = `${what}: operations a second, such as 200 or 0.5/s, a million at most`
  return z
    .union([z.number(), z.string()], { error: expected })
    .transform((given, context): number => {
      const [, count] = /^(\d{1,7}(?:\.\d{1,6})?)(?:\/s)?$/.exec(String(given)) ?? []
      const perS = Number(count)
      if (perS > 0 && perS <= 1_000_000) return perS
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    })
}

/** Limits, in one text or many: `p99<20ms,errors<1%`. */
const thresholds = () =>
  list('limits').transform((given, context): readonly Threshold[] => {
    const read = given.flatMap((each) => each.split(',')).map(parseThreshold)
    const wrong = read.find((each) => typeof each === 'string')
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
    return read.filter((each) => typeof each !== 'string')
  })

const load = {
  clients: option(integer(1, 65_536, 'clients').default(8), 'connections', {
    value: 'number',
    group: GROUP.load,
    shownDefault: '8',
  }),
  vmsPerClient: option(integer(1, LPID_MAX, 'VMs').default(1), 'VMs that each client serves', {
    value: 'number',
    group: GROUP.load,
    shownDefault: '1',
  }),
  vmSize: option(
    pages(VM_PAGES_MAX, 'memory of a VM')
      .refine((count) => count >= vmPagesMin, `a VM of at least ${vmPagesMin} pages (4MiB)`)
      .default(1_024),
    'memory of each VM: a size, or 64 KiB pages',
    { value: 'size', group: GROUP.load, shownDefault: '64MiB' },
  ),
  lpid: option(integer(1, LPID_MAX, 'an LPID').default(1), 'LPID of the first VM', {
    value: 'number',
    group: GROUP.load,
    shownDefault: '1',
  }),
  content: option(
    oneOf(['bytes', 'tag'], 'a kind of content').default('tag'),
    'tag: fill all memory with tags, so that every page has content',
    { value: 'kind', group: GROUP.load, shownDefault: 'tag' },
  ),
  strategy: option(
    oneOf(['necessary', 'all'], 'a strategy').default('necessary'),
    'pages that a switch brings in',
    { value: 'name', group: GROUP.load, shownDefault: 'necessary' },
  ),
  profile: option(
    oneOf(UV_CHOICES, 'a profile').default('firmware'),
    `what the ultravisors behave like: ${UV_CHOICES.join(' or ')}`,
    { value: 'name', group: GROUP.load, shownDefault: 'firmware', own: true },
  ),
  window: option(
    integer(1, UV_LIMITS.windowRequestsMax, 'hypercalls').default(64),
    'hypercalls of one guest that may be under way at once',
    { value: 'number', group: GROUP.load, shownDefault: '64', own: true },
  ),
  mix: option(parsed<Mix>('a mix', parseMix).prefault(MIX), 'how often each operation is done', {
    value: 'mix',
    group: GROUP.load,
    shownDefault: MIX,
  }),
  rate: option(
    rate('a rate').optional(),
    'open model: so many operations a second, at random times; else each VM is always busy',
    { value: 'per second', group: GROUP.load },
  ),
  chaos: option(
    parsed<Chaos>('chaos', parseChaos).default(NO_CHAOS),
    'what goes wrong on purpose: kill=0.1/s (one client loses all), cut=1/s (one is cut, and resumes), reconnect=1/m (all are)',
    { value: 'events', group: GROUP.load },
  ),
  workers: option(integer(1, 64, 'workers').optional(), 'workers that generate the load', {
    value: 'number',
    group: GROUP.load,
    shownDefault: 'as many as cores',
  }),
  seed: option(integer(0, 2 ** 32 - 1, 'a seed').default(1), 'the same seed draws the same load', {
    value: 'number',
    group: GROUP.load,
    shownDefault: '1',
  }),
}

const time = {
  duration: option(duration('how long').default(30_000), 'the whole run', {
    value: 'time',
    group: GROUP.time,
    shownDefault: '30s',
  }),
  rampUp: option(duration('the ramp').default(0), 'time until all clients take part', {
    value: 'time',
    group: GROUP.time,
    shownDefault: '0s',
  }),
  hold: option(duration('the hold').optional(), 'time with all clients', {
    value: 'time',
    group: GROUP.time,
    shownDefault: 'the rest of the duration',
  }),
  rampDown: option(duration('the ramp').default(0), 'time until no client takes part', {
    value: 'time',
    group: GROUP.time,
    shownDefault: '0s',
  }),
  stages: option(
    text('stages').optional(),
    'in place of all that: 10s:100,1m:100,10s:0 (time:clients)',
    { value: 'list', group: GROUP.time },
  ),
}

const out = {
  json: option(text('a path').optional(), 'write the report as JSON', {
    value: 'file',
    group: GROUP.out,
    own: true,
  }),
  html: option(text('a path').optional(), 'write the report as one page with plots', {
    value: 'file',
    group: GROUP.out,
  }),
  threshold: option(
    thresholds().default([]),
    "limit that fails the run: 'p99<20ms', 'esm.p99<2s', 'errors<1%', 'rate>100/s'",
    { kind: 'list', value: 'limit', group: GROUP.out },
  ),
  compare: option(text('a path').optional(), 'show the change since the report in a JSON file', {
    value: 'file',
    group: GROUP.out,
  }),
}

export const LoadOptions = z.strictObject({
  ...uvNetOptions('bin'),
  ...load,
  ...time,
  ...out,
})
export type LoadOptions = z.output<typeof LoadOptions>
