/** What `uvmem uv` and `uvmem demo` say to a command line that cannot be understood. */
import t from 'tap'
import { run as uvmem } from './command-line.ts'

t.test('bad usage ends with 2 and names the flag, the value and what was expected', async (t) => {
  const cases = [
    { words: ['uv', '--lpid', '0'], says: '--lpid "0": expected an LPID: an integer 1 to 4095' },
    { words: ['uv', '--lpid', '4095', '--count', '2'], says: '--count 2: LPIDs end at 4095' },
    {
      words: ['uv', '--url', 'ftp://x'],
      says: '--url "ftp://x": expected http://HOST:PORT or ws://',
    },
    { words: ['uv', '--http', 'x'], says: '--http "x": expected http://HOST:PORT' },
    { words: ['uv', '--memory', 'much'], says: '--memory "much": expected memory: a size' },
    {
      words: ['uv', '--slots', '513'],
      says: '--slots "513": expected memory slots: an integer 1 to 512',
    },
    {
      words: ['uv', '--window', '0'],
      says: '--window "0": expected hypercalls: an integer 1 to 1024',
    },
    { words: ['uv', '--strategy', 'some'], says: '--strategy "some": expected a strategy: one of' },
    {
      words: ['uv', '--wrong-digest', 'luck'],
      says: '--wrong-digest "luck": expected a part: one of rtas',
    },
    {
      words: ['uv', '--profile', 'linux-6'],
      says: '--profile "linux-6": expected a profile: one of firmware',
    },
    { words: ['uv', '--kernel', '/no/such'], says: '--kernel /no/such: ENOENT' },
    { words: ['uv', '--initrd', '/'], says: '--initrd /: / is not a file' },
    { words: ['uv', '--fast'], says: "unknown option '--fast'" },
    {
      words: ['demo', '--memory', '63MiB'],
      says: '--memory "63MiB": expected memory: 64MiB or more',
    },
    { words: ['demo', '--kernel', '/no/such'], says: '--kernel /no/such: ENOENT' },
    { words: ['demo', '--hv-profile', 'spec2'], says: '--hv-profile "spec2": expected a profile' },
  ]
  for (const { words, says } of cases) {
    const { code, out, err } = await uvmem(words)
    t.equal(code, 2, words.join(' '))
    t.ok(err.includes(says), `${says}, not ${err}`)
    t.equal(out, '')
  }
})

t.test('the environment is asked as well, and a flag beats it', async (t) => {
  const env = { UVMEM_LPID: '5000', UVMEM_URL: 'http://127.0.0.1:65535' }
  const wrong = await uvmem(['uv'], env)
  t.equal(wrong.code, 2)
  t.match(wrong.err, 'UVMEM_LPID "5000": expected an LPID')
  const right = await uvmem(['uv', '--lpid', '5'], env)
  t.equal(right.code, 1, 'nobody listens there')
  t.match(right.err, /^cannot connect to ws:\/\/127\.0\.0\.1:65535\/v1\/uv: .*ECONNREFUSED/)
})

t.test('help shows examples and exit codes, and hides what is not for people', async (t) => {
  for (const name of ['uv', 'demo']) {
    const { out } = await uvmem([name, '--help'])
    t.match(out, 'Examples:')
    t.match(out, /Exit codes: 0 .*, 1 .*, 2 bad usage/)
  }
  const { out } = await uvmem(['--help'])
  t.match(out, /^ +uv /m)
  t.match(out, /^ +demo /m)
  t.notMatch(out, 'uv-agent')
})

t.test('a guest that does not fit its memory is told so before anything is sent', async (t) => {
  const { code, err } = await uvmem(['uv', '--memory', '2', '--slots', '3'])
  t.equal(code, 1, 'the connection is tried first')
  t.match(err, /^cannot connect/)
})
