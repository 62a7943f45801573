import { Command } from 'commander'
import t from 'tap'
import { z } from 'zod'
import { HvOptions } from '../../src/bin/hv-options.ts'
import { fileText, flag, integer, list, option, text } from '../../src/bin/option.ts'
import { addOptions, flagOf, readOptions, variableOf } from '../../src/bin/options.ts'
import { parseSize } from '../../src/bin/size.ts'
import { fakeIo } from './fake-io.ts'

const Options = z.strictObject({
  pageCount: option(integer(0, 9, 'pages').default(1), 'how many'),
  loud: option(flag('loud').default(false), 'shout', { kind: 'flag' }),
  calm: option(flag('calm').default(true), 'do not shout', { kind: 'flag' }),
  names: option(list('names').default([]), 'names', { kind: 'list' }),
  token: option(text('a token').optional(), 'a secret', { secret: true }),
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

const DEFAULTS = { pageCount: 1, loud: false, calm: true, names: [] }

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
  t.equal(variableOf('sendBufferBytesMax'), 'UVMEM_SEND_BUFFER_BYTES_MAX')
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
