/**
 * The tokens of a server, and who shows which. Only their digests are kept, so that neither a log nor a
 * dump of the process can hold a token.
 *
 * The form of a tokens file, a line for each token; `#` begins a comment:
 *
 *     reader       grafana  sha256:<64 hexadecimal digits>
 *     operator,uv  ci       <the token itself>
 *     uv           lab-1    sha256:<…>                       lpids=1-100,200
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Role } from '../../schemas/rest/access.ts'
import { LPID_MAX } from '../abi/page.ts'
import { type LpidRange, OWNER, type Principal } from './principal.ts'

export interface TokenEntry {
  /** SHA-256 of the token. */
  readonly digest: Uint8Array
  readonly principal: Principal
}

/** Characters of a token in a tokens file: fewer can be guessed. */
export const tokenCharsMin = 16
/** Lines of a tokens file: all are compared with every token that is shown. */
export const tokensMax = 256

const ROLES: ReadonlySet<string> = new Set(Object.values(Role))
const isRole = (text: string): text is Role => ROLES.has(text)

const digestOf = (token: string): Uint8Array => createHash('sha256').update(token).digest()

/** The one token that may do everything; none without a text. */
export const ownerToken = (token: string | undefined): readonly TokenEntry[] =>
  token === undefined ? [] : [{ digest: digestOf(token), principal: OWNER }]

/** Whose token it is. Takes as long whichever it is, and however much of it is right. */
export function findPrincipal(tokens: readonly TokenEntry[], shown: string): Principal | undefined {
  const digest = digestOf(shown)
  let found: Principal | undefined
  for (const { digest: wanted, principal } of tokens) {
    if (timingSafeEqual(digest, wanted)) found = principal
  }
  return found
}

/** Reads a tokens file; a sentence says what is wrong with it, and never repeats a token. */
export function parseTokens(text: string): readonly TokenEntry[] | string {
  const entries: TokenEntry[] = []
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const words = line.trim().split(/\s+/)
    if (line.trim() === '' || line.trim().startsWith('#')) continue
    const entry = parseLine(words)
    if (typeof entry === 'string') return `line ${at + 1}: ${entry}`
    entries.push(entry)
  }
  if (entries.length === 0) return 'there is no token in it'
  if (entries.length > tokensMax) return `more than ${tokensMax} tokens`
  return repeatedIn(entries) ?? entries
}

function repeatedIn(entries: readonly TokenEntry[]): string | undefined {
  const names = new Set(entries.map(({ principal }) => principal.name))
  if (names.size < entries.length) return 'a name stands there twice'
  const digests = new Set(entries.map(({ digest }) => Buffer.from(digest).toString('hex')))
  return digests.size < entries.length ? 'a token stands there twice' : undefined
}

function parseLine(words: readonly string[]): TokenEntry | string {
  const [roleList = '', name = '', secret = '', lpidList, ...rest] = words
  const roles = roleList.split(',')
  if (!roles.every(isRole)) return `roles are ${[...ROLES].join(', ')}, with commas`
  if (!/^[\w.@-]{1,64}$/.test(name)) return 'a name of 1 to 64 letters, digits and . _ @ -'
  const digest = digestIn(secret)
  if (typeof digest === 'string') return digest
  if (rest.length > 0) return 'more than roles, name, token and lpids='
  const lpids = lpidList === undefined ? undefined : parseLpids(lpidList)
  if (typeof lpids === 'string') return lpids
  return { digest, principal: { name, roles: new Set(roles), lpids, guarded: true } }
}

function digestIn(secret: string): Uint8Array | string {
  const [, hex] = /^sha256:(.*)$/.exec(secret) ?? []
  if (hex === undefined) {
    if (secret.length < tokenCharsMin) return `a token of at least ${tokenCharsMin} characters`
    return /^[\x21-\x7e]+$/.test(secret) ? digestOf(secret) : 'a token of plain ASCII characters'
  }
  return /^[0-9a-f]{64}$/i.test(hex) ? Buffer.from(hex, 'hex') : 'sha256: and 64 hexadecimal digits'
}

function parseLpids(word: string): readonly LpidRange[] | string {
  const expected = `lpids=1-100,200 with LPIDs of 1 to ${LPID_MAX}`
  const [, list] = /^lpids=(.+)$/.exec(word) ?? []
  if (list === undefined) return expected
  const ranges = list.split(',').map((part) => {
    const [, first = '', last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? []
    return { first: Number(first), last: Number(last) }
  })
  const fit = ({ first, last }: LpidRange) => 1 <= first && first <= last && last <= LPID_MAX
  return ranges.every(fit) ? ranges : expected
}
