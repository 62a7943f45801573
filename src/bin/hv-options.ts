/** The options of `uvmem hv`, and those of them that every server has. */
import { z } from 'zod'
import { LIMIT_TEXTS } from '../../schemas/limit-texts.ts'
import { LIMITS } from '../../schemas/limits.ts'
import { highestOf, lowestOf, SETTABLE_LIMITS, type SettableLimit } from '../server/limit-ranges.ts'
import { parseTokens } from '../server/tokens.ts'
import { devicePfnsMax } from '../uvmem/device-pages.ts'
import { HV_CHOICES } from './choices.ts'
import { duration } from './duration-option.ts'
import { fileOf, fileText, flag, integer, list, oneOf, option, pages, text } from './option.ts'

const GROUP = {
  net: 'Network:',
  hv: 'Hypervisor:',
  start: 'At start:',
  log: 'Logs and metrics:',
  limits: 'Limits:',
}

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value))

/** A sentence as a line of `--help`. */
const asHelp = (sentence: string): string =>
  sentence.replace(/^[A-Z](?![A-Z])/, (first) => first.toLowerCase()).replace(/\.$/, '')

const limitOption = (name: SettableLimit) =>
  option(
    integer(lowestOf(name), highestOf(name), name).default(LIMITS[name]),
    asHelp(LIMIT_TEXTS[name]),
    {
      value: 'number',
      group: GROUP.limits,
      shownDefault: String(LIMITS[name]),
    },
  )

/** `--session-grace` is one of its own. */
const BY_NAME = SETTABLE_LIMITS.filter((name) => name !== 'sessionGraceMs')

const limits = Object.fromEntries(BY_NAME.map((name) => [name, limitOption(name)])) as Record<
  Exclude<SettableLimit, 'sessionGraceMs'>,
  ReturnType<typeof limitOption>
>

/** How much a server says of itself. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

/** What every server has, whoever starts it. */
export const ServerOptions = z.strictObject({
  tokenFile: option(
    fileText('the token').optional(),
    'file with the bearer token that clients show',
    {
      value: 'file',
      group: GROUP.net,
    },
  ),
  token: option(text('a token').optional(), 'the bearer token itself', { secret: true }),
  allowOrigin: option(list('origins').default([]), 'origin of web pages that may use the server', {
    kind: 'list',
    value: 'origin',
    group: GROUP.net,
  }),
  profile: option(
    oneOf(HV_CHOICES, 'a profile').default('linux-6'),
    `whose behaviour to show: ${HV_CHOICES.join(', ')}`,
    { value: 'name', group: GROUP.hv, shownDefault: 'linux-6' },
  ),
  pool: option(
    pages(devicePfnsMax, 'secure memory').default(524_288),
    'secure memory: a size such as 8GiB, or 64 KiB pages; 0 is a host without ultravisor',
    { value: 'size', group: GROUP.hv, shownDefault: '32GiB' },
  ),
  window: option(
    integer(1, 65_536, 'page moves under way').default(256),
    'page moves of one VM that may be under way at once',
    { value: 'number', group: GROUP.hv, shownDefault: '256' },
  ),
  autoCreate: option(
    flag('auto-create').optional(),
    'make an empty VM at the first call for it; --no-auto-create answers with an error',
    { kind: 'flag', group: GROUP.hv, shownDefault: 'unless there is a --tokens-file' },
  ),
  orphans: option(
    oneOf(['keep', 'reset'], 'orphans').default('keep'),
    'what becomes of VMs whose ultravisor is gone: keep or reset',
    { value: 'what', group: GROUP.hv, shownDefault: 'keep' },
  ),
  sessionGrace: option(
    duration('how long a session outlives its connection').default(LIMITS.sessionGraceMs),
    'how long a session outlives its connection: what is asked of its ultravisor waits; 0s: it does not',
    { value: 'duration', group: GROUP.hv, shownDefault: '30s' },
  ),
  notifyMigrations: option(
    flag('notify-migrations').default(false),
    'send UV_PAGE_INVAL for every migration after H_SVM_INIT_DONE, as the MMU notifier does',
    { kind: 'flag', group: GROUP.hv },
  ),
  vm: option(list('VMs').default([]), 'make a VM with memory slots of these sizes: 1:2GiB,512MiB', {
    kind: 'list',
    value: 'lpid:size[,size...]',
    group: GROUP.start,
  }),
  load: option(list('images').default([]), 'load a file into a VM: 1:0x4000000:./vmlinux', {
    kind: 'list',
    value: 'lpid:gpa:path',
    group: GROUP.start,
  }),
  seedFile: option(
    text('a file').optional(),
    'JSON file with VMs, images and fault rules to begin with (schemas/generated/seed.json)',
    { value: 'file', group: GROUP.start },
  ),
  faults: option(text('a file').optional(), 'JSON file with fault rules: {"rules": [...]}', {
    value: 'file',
    group: GROUP.start,
  }),
  stateDir: option(
    text('a directory').optional(),
    'keep the state there from run to run; when it has one, --vm, --load and --seed-file are left out',
    { value: 'directory', group: GROUP.start },
  ),
  durable: option(
    flag('durable').default(false),
    'answer only what is on the disk: keep a ledger in --state-dir, so that not even kill -9 loses anything',
    { kind: 'flag', group: GROUP.start },
  ),
  stateRepair: option(
    oneOf(['none', 'cut'], 'repair').default('none'),
    'what to do about a damaged ledger: none refuses it, cut goes on without what is behind the damage',
    { value: 'what', group: GROUP.start, shownDefault: 'none' },
  ),
  record: option(text('a file').optional(), 'write every call to a file, for uvmem replay', {
    value: 'file',
    group: GROUP.log,
  }),
  journalEntries: option(
    integer(1_024, 4_194_304, 'events that the journal keeps')
      .refine(isPowerOfTwo, 'events that the journal keeps: a power of two')
      .default(65_536),
    'events that the journal keeps: a power of two',
    { value: 'number', group: GROUP.log, shownDefault: '65536' },
  ),
  logLevel: option(
    oneOf(LOG_LEVELS, 'a level').default('info'),
    `one of ${LOG_LEVELS.join(', ')}`,
    {
      value: 'level',
      group: GROUP.log,
      shownDefault: 'info',
    },
  ),
  logCalls: option(flag('log-calls').default(false), 'print one line for every call', {
    kind: 'flag',
    group: GROUP.log,
  }),
  metricsPerVm: option(
    flag('metrics-per-vm').default(false),
    'show series for each VM at /metrics as well: they are many',
    { kind: 'flag', group: GROUP.log },
  ),
  ...limits,
})
export type ServerOptions = z.output<typeof ServerOptions>

const { tokenFile, token, allowOrigin, ...server } = ServerOptions.shape

export const HvOptions = z.strictObject({
  host: option(text('an address').default('127.0.0.1'), 'address to listen on', {
    value: 'address',
    group: GROUP.net,
    shownDefault: '127.0.0.1',
  }),
  port: option(integer(0, 65_535, 'a port').default(8_080), 'port; 0 takes any free one', {
    value: 'number',
    group: GROUP.net,
    shownDefault: '8080',
  }),
  tokenFile,
  token,
  tokensFile: option(
    fileOf('the tokens', parseTokens).optional(),
    'file with a line for each token: roles (reader, operator, uv), a name, the token or its SHA-256',
    { value: 'file', group: GROUP.net },
  ),
  auth: option(flag('auth').default(true), 'serve other hosts without a token with --no-auth', {
    kind: 'flag',
    group: GROUP.net,
  }),
  tlsCert: option(fileText('the certificate').optional(), 'PEM file: speak TLS (https, wss) only', {
    value: 'file',
    group: GROUP.net,
  }),
  tlsKey: option(fileText('the key').optional(), 'PEM file with the key of --tls-cert', {
    value: 'file',
    group: GROUP.net,
  }),
  allowHost: option(list('hosts').default([]), 'name by which the server is reached', {
    kind: 'list',
    value: 'name',
    group: GROUP.net,
  }),
  allowOrigin,
  ...server,
})
export type HvOptions = z.output<typeof HvOptions>
