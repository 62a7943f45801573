/**
 * Two guests that do the same with other secrets look the same to the hypervisor: every message, in
 * order and length, every code, every frame and every event; all that differs is ciphertext.
 */
import t, { type Test } from 'tap'
import { asLpid, gfnAt, gpaOf, PAGE_SIZE } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { HvRest } from '../../src/peer/hv-rest.ts'
import type { ContentMode } from '../../src/ultravisor/svm.ts'
import { listening } from '../server/line.ts'
import { type GuestWish, SecretGuest } from './guest.ts'
import { Marks } from './marks.ts'
import { Place } from './place.ts'
import { itemsOf } from './transcript.ts'

interface Seen {
  readonly up: readonly string[]
  readonly down: readonly string[]
  readonly shown: unknown
  /** Ciphertext of the first frame, as the host reads it. */
  readonly cipher: Buffer
}

/** A place that keeps what was said in place of searching it. */
class Listener extends Place {
  readonly items: string[] = []

  override look(content: string | Uint8Array): void {
    this.items.push(...itemsOf(content))
  }
}

/** The same story with secrets of the caller's: stored, moved, touched, shared, taken back. */
async function play(t: Test, wish: GuestWish, secrets: readonly Uint8Array[]): Promise<Seen> {
  const { url, uv } = await listening(t, { hv: { poolPages: 512 } })
  const rest = new HvRest({ url })
  const marks = new Marks(1)
  const [up, down] = ['up', 'down'].map((name) => new Listener(name, marks.needles(['secret'])))
  if (up === undefined || down === undefined) throw new Error('no wire')
  const guest = await SecretGuest.start(wish, { uv, rest, marks, random: prng(1), up, down })
  const { lpid } = wish
  const first = guest.firstFrame
  for (const [i, secret] of secrets.entries()) {
    const gfn = gfnAt(first, i)
    await guest.svm.store(gpaOf(gfn), secret)
    await guest.pageOut(gfn)
    const loaded = await guest.svm.load(gpaOf(gfn), secret.length)
    t.ok(loaded.kind === 'OK' && Buffer.from(loaded.bytes).equals(secret), 'it is read back')
    await rest.call('touchFrame', { path: { lpid, gfn } })
  }
  await guest.expose(gfnAt(first, 1), 'shared')
  await guest.conceal(gfnAt(first, 1))
  const page = await rest.call('getPage', { path: { lpid, gfn: first } })
  const { events } = await rest.call('listJournal', { query: { limit: 10_000 } })
  const frames = await rest.call('listFrames', { path: { lpid } })
  guest.client.close()
  return {
    up: up.items,
    down: down.items,
    shown: [frames, events.map(({ time_ms: _at, duration_ms: _took, ...event }) => event)],
    cipher: Buffer.from(JSON.stringify(page.page)),
  }
}

const filled = (byte: number): Uint8Array => new Uint8Array(PAGE_SIZE).fill(byte)
const drawn = (seed: number): Uint8Array => {
  const random = prng(seed)
  return filled(0).map(() => random.int(256))
}
const tagged = (bytes: readonly number[]): Uint8Array => {
  const page = filled(0)
  page.set(bytes)
  return page
}

const BYTES: Readonly<Record<string, readonly Uint8Array[]>> = {
  'random bytes': [drawn(1), drawn(2), drawn(3)],
  'other random bytes': [drawn(4), drawn(5), drawn(6)],
  'one byte repeated': [filled(0xff), filled(0x20), filled(1)],
  'nothing but zeros': [filled(0), filled(0), filled(0)],
  'what would be tags': [tagged([1]), tagged([0, 0, 0, 0, 0, 0, 0, 1]), tagged([255, 255])],
  'three times the same': [drawn(7), drawn(7), drawn(7)],
}
const TAGS: Readonly<Record<string, readonly Uint8Array[]>> = {
  'big tags': [0xff, 0xfe, 0xfd].map((byte) => new Uint8Array(8).fill(byte)),
  'small tags': [1, 2, 3].map((byte) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, byte)),
  'tags of zeros': [0, 0, 0].map(() => new Uint8Array(8)),
}
const SECRETS: Readonly<Record<ContentMode, typeof BYTES>> = { bytes: BYTES, tag: TAGS }

for (const protocol of ['json', 'bin'] as const) {
  for (const content of ['bytes', 'tag'] as const) {
    t.test(`secrets that differ look the same: ${content} over ${protocol}`, async (t) => {
      const wish = { lpid: asLpid(1), protocol, content, profile: 'firmware' } as const
      const runs: [string, Seen][] = []
      for (const [what, secrets] of Object.entries(SECRETS[content])) {
        runs.push([what, await play(t, wish, secrets)])
      }
      const [first, ...others] = runs
      if (first === undefined) throw new Error('no run')
      t.ok(first[1].up.length > 100 && first[1].down.length > 100, 'much is said')
      for (const [what, seen] of others) {
        t.same(seen.up, first[1].up, `${what}: what the ultravisor says`)
        t.same(seen.down, first[1].down, `${what}: what the hypervisor says`)
        t.same(seen.shown, first[1].shown, `${what}: what the hypervisor shows`)
        t.notOk(seen.cipher.equals(first[1].cipher), `${what}: ciphertext differs`)
      }
    })
  }
}
