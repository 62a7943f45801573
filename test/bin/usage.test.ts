import t from 'tap'
import { main } from '../../src/bin/main.ts'
import { fakeIo } from './fake-io.ts'

/** Runs a command that must not get as far as starting anything. */
async function run(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const io = fakeIo(env)
  const code = await main(words, io)
  return { code, out: io.outText(), err: io.errText() }
}

t.test('what cannot be understood says what was expected: 2', async (t) => {
  const cases: [string[], RegExp, Record<string, string>?][] = [
    [['hv', '--port', '65536'], /^--port "65536": expected a port: an integer 0 to 65535\n$/],
    [['hv', '--port', '-1'], /--port "-1": expected a port/],
    [['hv', '--port', ''], /--port "": expected a port/],
    [['hv', '--profile', 'vista'], /--profile "vista": expected a profile: one of linux-5\.6/],
    [['hv', '--pool', '1.5'], /--pool "1.5": expected secure memory/],
    [['hv', '--pool', '1000B'], /--pool "1000B": expected secure memory/],
    [['hv', '--window', '0'], /--window "0": expected page moves under way: an integer 1 to 65536/],
    [['hv', '--nonsense'], /unknown option '--nonsense'/],
    [['hv', '--port'], /argument missing/],
    [['hv', 'extra'], /too many arguments/],
    [['nonsense'], /unknown command 'nonsense'/],
    [['hv', '--vm', '0:1GiB'], /--vm 0:1GiB: expected an LPID, 1 to 4095/],
    [['hv', '--vm', '4096:1GiB'], /expected an LPID/],
    [['hv', '--vm', '1:100'], /--vm 1:100: 100: expected a size in whole 64 KiB pages/],
    [['hv', '--vm', '1:1GiB:2'], /expected lpid:size/],
    [['hv', '--vm', '1:1GiB', '--vm', '1:1GiB'], /VM 1 is named twice/],
    [['hv', '--load', '1:x'], /--load 1:x: expected lpid:gpa:path/],
    [['hv', '--load', '1:x:y'], /--load 1:x:y: x: expected an address/],
    [['hv', '--host', '0.0.0.0'], /needs --tokens-file, --token-file, UVMEM_TOKEN or --no-auth/],
    [['hv', '--host', '::'], /needs --tokens-file/],
    [['hv', '--token-file', '/does/not/exist'], /--token-file .*: expected the token: the path/],
    [['hv'], /UVMEM_PORT "x": expected a port/, { UVMEM_PORT: 'x' }],
    [
      ['hv'],
      /UVMEM_LOG_CALLS "maybe": expected log-calls: true or false/,
      { UVMEM_LOG_CALLS: 'maybe' },
    ],
    [['hv', '--vms-max', '0'], /--vms-max "0": expected vmsMax: an integer 1 to 4095/],
    [
      ['hv', '--send-buffer-bytes-max', '2097151'],
      /--send-buffer-bytes-max "2097151": expected sendBufferBytesMax: an integer 2097152 to/,
    ],
    [['hv', '--vms-max', '4096'], /--vms-max "4096"/],
  ]
  for (const [words, err, env] of cases)
    t.match(await run(words, env), { code: 2, out: '', err }, words.join(' '))
})

t.test('several mistakes are told at once', async (t) => {
  const { err } = await run(['hv', '--port', 'x', '--orphans', 'adopt'])
  t.same(
    err.split('\n').map((line) => line.split(' ')[0]),
    ['--port', '--orphans', ''],
  )
})

t.test('a config file: what it may hold, and what not', async (t) => {
  const files = {
    'list.json': '[]',
    'broken.json': '{',
    'section.json': '{"hx": {}}',
    'array.json': '{"hv": []}',
    'key.json': '{"hv": {"prot": 1}}',
    'value.json': '{"hv": {"port": "many"}}',
    'proto.json': '{"hv": {"__proto__": {"port": 1}}}',
  }
  const folder = t.testdir(files)
  const cases: [keyof typeof files | 'none.json', RegExp][] = [
    ['none.json', /ENOENT/],
    ['list.json', /a JSON object was expected/],
    ['broken.json', /JSON/],
    ['section.json', /hx is not a command; the sections are .*\bhv\b/],
    ['array.json', /hv is not an object/],
    ['key.json', /hv\.prot is not an option/],
    ['proto.json', /hv\.__proto__ is not an option/],
    ['value.json', /value\.json: hv\.port "many": expected a port/],
  ]
  for (const [file, err] of cases) {
    const byFlag = await run(['hv', '--config', `${folder}/${file}`])
    t.match(byFlag, { code: 2, out: '', err }, file)
    const byVariable = await run(['hv'], { UVMEM_CONFIG: `${folder}/${file}` })
    t.same(byVariable, byFlag, `${file}, named by the environment`)
  }
})

t.test('--help shows groups, examples and exit codes, and no flag for a secret', async (t) => {
  const { code, out, err } = await run(['hv', '--help'])
  t.match({ code, err }, { code: 0, err: '' })
  const parts = [
    'Network:',
    'Limits:',
    'Examples:',
    'Exit codes:',
    '--port <number>',
    '--log-calls',
  ]
  for (const part of parts) t.ok(out.includes(part), part)
  for (const part of [
    '--sessions-max <number>',
    '(default: 2048)',
    '--no-auth',
    '--no-auto-create',
  ])
    t.ok(out.includes(part), part)
  t.notOk(out.includes('--token '), 'a token on the command line could be seen by others')
  t.match(await run(['--version']), { code: 0, out: /^\d+\.\d+\.\d+\n$/ })
})
