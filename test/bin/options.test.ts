import { Command } from 'commander'
import t from 'tap'
import { z } from 'zod'
import { AgentOptions } from '../../src/bin/agent-options.ts'
import { CheckOptions } from '../../src/bin/check-options.ts'
import { DemoOptions } from '../../src/bin/demo-options.ts'
import { ExecOptions } from '../../src/bin/exec-options.ts'
import { AddOptions, RemoveOptions } from '../../src/bin/fault-command.ts'
import { FramesOptions } from '../../src/bin/frames-command.ts'
import { HvOptions } from '../../src/bin/hv-options.ts'
import { JournalOptions } from '../../src/bin/journal-command.ts'
import { LabOptions } from '../../src/bin/lab-options.ts'
import { LoadOptions } from '../../src/bin/load-options.ts'
import { fileText, flag, integer, list, metaOf, option, text } from '../../src/bin/option.ts'
import { addOptions, flagOf, readOptions, variableOf } from '../../src/bin/options.ts'
import { ReplayOptions } from '../../src/bin/replay-command.ts'
import { RestOptions } from '../../src/bin/rest-access.ts'
import { parseSize } from '../../src/bin/size.ts'
import { TraceOptions } from '../../src/bin/trace-command.ts'
import { UvOptions } from '../../src/bin/uv-options.ts'
import { CreateOptions } from '../../src/bin/vm-command.ts'
import { fakeIo } from './fake-io.ts'

const Options = z.strictObject({
  pageCount: option(integer(0, 9, 'pages').default(1), 'how many'),
  loud: option(flag('loud').default(false), 'shout', { kind: 'flag' }),
  calm: option(flag('calm').default(true), 'do not shout', { kind: 'flag' }),
  names: option(list('names').default([]), 'names', { kind: 'list' }),
  token: option(text('a token').optional(), 'a secret', { secret: true }),
  odd: option(integer(0, 9, 'odd').default(0), 'no other command means this', { own: true }),
})

function read(words: string[], env: Record<string, string> = {}, config?: string) {
  const program = new Command('test').exitOverride()
  const command = program.command('run').exitOverride()
  addOptions(command, Options)
  command.action(() => undefined)
  const all = config === undefined ? words : [...words, '--config', config]
  program.parse(['run', ...all], { from: 'user' })
  return readOptions(command, Options, fakeIo(env))
}

const DEFAULTS = { pageCount: 1, loud: false, calm: true, names: [], odd: 0 }

t.test('a flag beats a variable, a variable the file, the file the default', async (t) => {
  const file = `${t.testdir({ 'c.json': '{"run":{"pageCount":2,"loud":true,"names":["f"]}}' })}/c.json`
  const env = { UVMEM_PAGE_COUNT: '3', UVMEM_NAMES: 'a;b' }
  t.strictSame(read([]), DEFAULTS)
  t.strictSame(read([], {}, file), { ...DEFAULTS, pageCount: 2, loud: true, names: ['f'] })
  t.strictSame(read([], env, file), { ...DEFAULTS, pageCount: 3, loud: true, names: ['a', 'b'] })
  t.strictSame(read(['--page-count', '4', '--names', 'x', '--names', 'y;z'], env, file), {
    ...DEFAULTS,
    pageCount: 4,
    loud: true,
    names: ['x', 'y;z'],
  })
})

t.test('a flag that is on by default is switched off everywhere', async (t) => {
  t.match(read(['--no-calm']), { calm: false })
  t.match(read([], { UVMEM_CALM: 'false' }), { calm: false })
  t.match(read([], { UVMEM_CALM: '0' }), { calm: false })
  t.match(read(['--calm'], { UVMEM_CALM: 'false' }), { calm: true })
  t.match(read(['--loud'], { UVMEM_LOUD: 'false' }), { loud: true })
  t.match(read([], { UVMEM_LOUD: '' }), { loud: false }, 'an empty variable is none')
})

t.test('a secret has no flag, and an error about it does not repeat it', async (t) => {
  t.match(read([], { UVMEM_TOKEN: 's3cret' }), { token: 's3cret' })
  t.throws(() => read(['--token', 'x']), /unknown option/)
  const file = `${t.testdir({ 'c.json': '{"run":{"token":["s3cret"]}}' })}/c.json`
  t.throws(() => read([], {}, file), { message: /run\.token: expected a token: text$/ })
})

t.test('names of flags and variables', async (t) => {
  t.equal(flagOf('sendBufferBytesMax'), '--send-buffer-bytes-max')
  t.equal(variableOf([], 'sendBufferBytesMax'), 'UVMEM_SEND_BUFFER_BYTES_MAX')
  t.equal(variableOf(['hv'], 'sendBufferBytesMax'), 'UVMEM_HV_SEND_BUFFER_BYTES_MAX')
  t.equal(variableOf(['vm', 'ls'], 'json'), 'UVMEM_VM_LS_JSON')
  t.equal(variableOf(['uv-agent'], 'url'), 'UVMEM_UV_AGENT_URL')
})

t.test('a variable with the command in its name beats the one for all commands', async (t) => {
  t.match(read([], { UVMEM_PAGE_COUNT: '3', UVMEM_RUN_PAGE_COUNT: '4' }), { pageCount: 4 })
  t.match(read([], { UVMEM_PAGE_COUNT: '3', UVMEM_RUN_PAGE_COUNT: '' }), { pageCount: 3 })
  t.match(read([], { UVMEM_OTHER_PAGE_COUNT: '4' }), { pageCount: 1 }, 'that of another command')
  const bad = { UVMEM_PAGE_COUNT: '3', UVMEM_RUN_PAGE_COUNT: '10' }
  t.throws(() => read([], bad), { message: /^UVMEM_RUN_PAGE_COUNT "10": expected pages/ })
  t.match(read([], { UVMEM_ODD: '1' }), { odd: 0 }, 'its own variable only')
  t.match(read([], { UVMEM_RUN_ODD: '1' }), { odd: 1 })
})

/** What some text of a variable can be, for every kind of option. */
const TEXTS = [
  '1',
  '7',
  '70000',
  'true',
  '8GiB',
  '64MiB',
  '2s',
  '1GB',
  './a',
  'keep',
  'warn',
  'bin',
]
const NAMES = ['linux-6', 'spec', 'firmware', 'necessary', 'bytes', 'tiny', 'H_SVM_PAGE_IN', '0.5']

t.test('what a variable for all commands says, all its commands understand', async (t) => {
  const schemas = {
    ...{ hv: HvOptions, exec: ExecOptions, uv: UvOptions, load: LoadOptions, demo: DemoOptions },
    ...{ check: CheckOptions, lab: LabOptions, replay: ReplayOptions, trace: TraceOptions },
    ...{ rest: RestOptions, vm: CreateOptions, frames: FramesOptions, journal: JournalOptions },
    ...{ fault: AddOptions, unfault: RemoveOptions, agent: AgentOptions },
  }
  const verdicts = new Map<string, string>()
  for (const [command, { shape }] of Object.entries(schemas)) {
    for (const [key, schema] of Object.entries(shape)) {
      const meta = metaOf(schema)
      if (meta === undefined) t.fail(`${command}: ${key} is no option`)
      if (meta?.own === true || key === 'tokenFile') continue
      const taken = [...TEXTS, ...NAMES].filter((each) => schema.safeParse(each).success)
      const verdict = `${meta?.kind} ${taken.join(' ')}`
      t.equal(verdicts.get(key) ?? verdict, verdict, `${command} ${flagOf(key)}`)
      verdicts.set(key, verdict)
    }
  }
  t.equal(UvOptions.shape.profile.safeParse('firmware').success, true)
  t.match(
    [metaOf(HvOptions.shape.profile), metaOf(UvOptions.shape.profile)],
    [{ own: false }, { own: true }],
  )
})

t.test('sizes as people write them', async (t) => {
  const sizes = {
    '65536': 65_536,
    '0x10000': 65_536,
    '64KiB': 65_536,
    '64k': 65_536,
    '64 KB': 65_536,
    '1.5MiB': 1_572_864,
    '2g': 2_147_483_648,
    '1TiB': 1_099_511_627_776,
  }
  for (const [written, bytes] of Object.entries(sizes)) t.equal(parseSize(written), bytes, written)
  for (const written of ['', 'x', '-1', '1PiB', '1e3', 'GiB', '0xg', '1 2'])
    t.ok(Number.isNaN(parseSize(written)), `[${written}]`)
})

t.test('a pool is a size, or a number of pages', async (t) => {
  const pool = (value: unknown) => HvOptions.shape.pool.safeParse(value).data
  t.equal(pool('1GiB'), 16_384)
  t.equal(pool('100'), 100)
  t.equal(pool(100), 100)
  t.equal(pool('0'), 0)
  t.equal(pool(undefined), 524_288)
  t.equal(pool(2_147_483_647), 2_147_483_647)
  for (const bad of [2_147_483_648, -1, 0.5, '1KiB', '64KiBx', null, []])
    t.equal(pool(bad), undefined)
})

t.test('a file that holds a token', async (t) => {
  const folder = t.testdir({ good: '  abc\n', empty: ' \n' })
  const schema = fileText('the token')
  t.equal(schema.safeParse(`${folder}/good`).data, 'abc')
  for (const path of [`${folder}/empty`, `${folder}/none`, folder, ''])
    t.equal(schema.safeParse(path).success, false, path)
})
