/** What guests keep secret is nowhere in what the hypervisor can see. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { asLpid } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { HvRest } from '../../src/peer/hv-rest.ts'
import { nodeCipher } from '../../src/peer/node-cipher.ts'
import type { PageCipher } from '../../src/ultravisor/page-crypto.ts'
import { listening } from '../server/line.ts'
import { SecretGuest } from './guest.ts'
import { MARK_KINDS, Marks } from './marks.ts'
import { Place } from './place.ts'
import { PLACES, runSecrecy } from './run.ts'

const skip = existsSync('/proc/self/mem') ? false : 'the memory of a process cannot be read here'
t.setTimeout(300_000)

const SEED = 20_260
const MOVES = 10_000

t.test('a mark is found in every form, wherever it stands, and nothing else is', async (t) => {
  const marks = new Marks(SEED)
  const bytes = Buffer.from(marks.page('secret', 7))
  const tag = Buffer.from(marks.tag('secret', 7))
  const forms: Record<string, Buffer | string> = {
    bytes,
    'one block in the middle': Buffer.concat([Buffer.alloc(99, 1), bytes.subarray(0, 32)]),
    'words the other way round': Buffer.from(bytes.subarray(0, 64)).swap64(),
    base64: JSON.stringify({ page: bytes.toString('base64') }),
    'base64 from the second byte on': bytes.subarray(1, 40).toString('base64'),
    'base64 from the third byte on': bytes.subarray(2, 40).toString('base64'),
    hexadecimal: `0x${bytes.toString('hex', 0, 24)}`,
    HEXADECIMAL: bytes.toString('hex', 0, 24).toUpperCase(),
    'as Node prints a buffer': bytes.toString('hex', 0, 24).replaceAll(/(..)/g, '$1 '),
    'as JSON of a buffer': JSON.stringify(bytes.subarray(0, 40)),
    'a tag': tag,
    'a tag in its machine word': Buffer.from(tag).swap64(),
    'a tag in hexadecimal': `{"tag":"0x${tag.toString('hex')}"}`,
    'a string of two bytes a letter': Buffer.from(bytes.toString('base64'), 'utf16le'),
  }
  for (const [form, content] of Object.entries(forms)) {
    const place = new Place(form, marks.needles(MARK_KINDS, true))
    place.look(content)
    t.ok(place.found('secret') > 0, form)
    t.equal(place.found('planted'), 0)
    const piecewise = new Place(form, marks.needles(MARK_KINDS, true))
    const take = piecewise.stream()
    for (const byte of Buffer.from(content).subarray(0, 200)) take(Buffer.from([byte]))
    t.ok(piecewise.found('secret') > 0, `${form}, byte by byte`)
  }
  const place = new Place('another guest', marks.needles(['secret'], true))
  place.look(new Marks(SEED + 1).page('secret', 7))
  place.look(marks.page('shared', 7))
  place.look(Buffer.alloc(1_000))
  t.equal(place.found('secret'), 0)
})

t.test('an ultravisor that forgets to encrypt is found out', async (t) => {
  const { url, uv } = await listening(t, { hv: { poolPages: 1_024 } })
  const rest = new HvRest({ url })
  for (const [at, content] of (['bytes', 'tag'] as const).entries()) {
    const marks = new Marks(SEED + at)
    const needles = marks.needles(['secret'])
    const [up, down] = [new Place('up', needles), new Place('down', needles)]
    const cipher: PageCipher = {
      ...nodeCipher,
      seal: (_key, _iv, _aad, plain) => ({ cipher: plain, tag: new Uint8Array(16) }),
      open: (_key, _iv, _aad, sealed) => sealed,
    }
    const wish = {
      lpid: asLpid(at + 1),
      protocol: 'json',
      content,
      profile: 'spec',
      cipher,
    } as const
    const guest = await SecretGuest.start(wish, { uv, rest, marks, random: prng(1), up, down })
    t.equal(up.found('secret'), 0, `${content}: nothing is there before it writes`)
    await guest.churn()
    t.ok(up.found('secret') > 0, `${content}: on the wire to the hypervisor`)
    t.ok(down.found('secret') > 0, `${content}: and on the way back`)
    guest.client.close()
  }
})

t.test(`${MOVES} moves leave no secret behind, and a planted one is found`, { skip }, async (t) => {
  const report = await runSecrecy({ moves: MOVES, seed: SEED, bytesPercent: 10, looks: 1 })
  t.comment(`seed ${SEED}, ${report.moves} moves`)
  t.ok(report.moves >= MOVES)
  t.same(
    report.places.map(({ place }) => place),
    PLACES,
  )
  for (const { place, bytes, secrets, forms, planted } of report.places) {
    t.ok(bytes > 1_000, `${place}: ${bytes} bytes were searched`)
    t.equal(secrets, 0, `${place}: no secret${forms.map((form) => `, but ${form}`).join('')}`)
    t.ok(planted, `${place}: the planted leak is found`)
  }
})
