/** What a tokens file may say. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { findPrincipal, parseTokens, tokensMax } from '../../src/server/tokens.ts'

const A = 'a-token-of-16-chr'
const B = 'b-token-of-16-chr'
const hashed = (token: string) => createHash('sha256').update(token).digest('hex')

t.test('tokens are found by what is shown, plain or as a digest', async (t) => {
  const tokens = parseTokens(`
# who may look
reader       dashboard  ${A}
  operator,uv ci  sha256:${hashed(B)}   lpids=1-100,4095
`)
  if (typeof tokens === 'string') throw new Error(tokens)
  t.match(findPrincipal(tokens, A), { name: 'dashboard', lpids: undefined, guarded: true })
  t.same([...(findPrincipal(tokens, A)?.roles ?? [])], ['reader'])
  t.same([...(findPrincipal(tokens, B)?.roles ?? [])], ['operator', 'uv'])
  t.same(findPrincipal(tokens, B)?.lpids, [
    { first: 1, last: 100 },
    { first: 4095, last: 4095 },
  ])
  for (const shown of [
    '',
    'x',
    A.slice(1),
    `${A} `,
    A.toUpperCase(),
    hashed(B),
    `sha256:${hashed(B)}`,
  ])
    t.equal(findPrincipal(tokens, shown), undefined, `[${shown}]`)
  t.notMatch(JSON.stringify(tokens), A, 'the token itself is not kept')
})

t.test('a file that does not fit is refused with its line, and no token is repeated', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['', /no token/],
    ['# nothing', /no token/],
    [`root x ${A}`, /^line 1: roles are reader, operator, uv/],
    [`reader ${A}`, /^line 1: a token of at least 16/],
    [`\nreader, x ${A}`, /^line 2: roles/],
    [`reader a/b ${A}`, /^line 1: a name/],
    [`reader ${'n'.repeat(65)} ${A}`, /^line 1: a name/],
    ['reader x fifteen-letters', /^line 1: a token of at least 16/],
    ['reader x sha256:abc', /64 hexadecimal/],
    [`reader x sha256:${hashed(A)}0`, /64 hexadecimal/],
    [`reader x ${A}\u00e9`, /ASCII/],
    [`uv x ${A} 1-3`, /lpids=/],
    [`uv x ${A} lpids=0`, /lpids=/],
    [`uv x ${A} lpids=4096`, /lpids=/],
    [`uv x ${A} lpids=5-4`, /lpids=/],
    [`uv x ${A} lpids=1 more`, /more than/],
    [`uv x ${A}\nreader x ${B}`, /a name stands there twice/],
    [`uv x ${A}\nreader y sha256:${hashed(A)}`, /a token stands there twice/],
  ]
  for (const [text, why] of cases) {
    const told = parseTokens(text)
    t.match(told, why, text)
    t.notMatch(String(told), A)
  }
  t.equal(typeof parseTokens('reader x sixteen-letters.'), 'object', 'one more is enough')
})

t.test('as many tokens as the limit says, and not one more', async (t) => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, i) => `uv n${i} token-number-${i}-of-many`).join('\n')
  t.equal(parseTokens(lines(tokensMax)).length, 256)
  t.equal(parseTokens(lines(257)), 'more than 256 tokens')
})
