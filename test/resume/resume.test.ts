/**
 * Calls over TCP connections that break: at every byte of a nested call, and by chance under load. The
 * long version: `npm run resume -- --calls 1000000 --cuts 20000`.
 */
import t from 'tap'
import { gpaOf, PAGE_SHIFT } from '../../src/abi/page.ts'
import { present } from '../../src/lib/assert.ts'
import { run } from './resume-run.ts'
import { LPID, ResumeWorld, testFrames } from './resume-world.ts'
import type { Direction } from './tcp-proxy.ts'

t.setTimeout(240_000)

const FRAME = present(testFrames()[0], 'a frame')

/** Moves one page out or in; the code, or what the wire says. */
function move(world: ResumeWorld, call: 'H_SVM_PAGE_OUT' | 'H_SVM_PAGE_IN'): Promise<unknown> {
  const body = { call, lpid: LPID, gpa: gpaOf(FRAME), flags: 0, order: PAGE_SHIFT } as const
  return new Promise((done) =>
    world.client.app.call(body, (outcome) => {
      done(outcome.kind === 'answer' ? outcome.ret : outcome.message)
    }),
  )
}

/** Bytes of one page-out and one page-in, each way. */
async function measure(world: ResumeWorld): Promise<Readonly<Record<Direction, number>>> {
  const before = { ...world.proxy.bytes }
  await move(world, 'H_SVM_PAGE_OUT')
  await move(world, 'H_SVM_PAGE_IN')
  const { up, down } = world.proxy.bytes
  return { up: up - before.up, down: down - before.down }
}

/** `step`: 1 is every byte. */
const SYSTEMATIC = [
  { protocol: 'bin', step: 1 },
  { protocol: 'json', step: 5 },
] as const

for (const { protocol, step } of SYSTEMATIC) {
  t.test(
    `${protocol}: a nested call survives a cut after ${step} bytes, and ${step} more ...`,
    async (t) => {
      await using world = await ResumeWorld.start({ protocol })
      const bytes = await measure(world)
      t.ok(bytes.up > 100 && bytes.down > 100, JSON.stringify(bytes))
      const before = world.executed('H_SVM_PAGE_OUT')
      let cuts = 0
      const codes = new Set<unknown>()
      for (const direction of ['up', 'down'] as const) {
        for (let at = 0; at < bytes[direction]; at += step) {
          const kind = cuts % 3 === 2 ? 'unnoticed' : 'cut'
          world.proxy.arm({ kind, direction, bytes: at }, () => cuts++)
          codes.add(await move(world, 'H_SVM_PAGE_OUT'))
          codes.add(await move(world, 'H_SVM_PAGE_IN'))
          world.proxy.disarm()
        }
      }
      t.same([...codes], [0], 'every call has its one answer')
      t.ok(cuts > 100, `${cuts} cuts`)
      t.ok(world.resumes >= cuts - 1, `${world.resumes} resumes`)
      const asked = Math.ceil(bytes.up / step) + Math.ceil(bytes.down / step)
      t.equal(world.executed('H_SVM_PAGE_OUT') - before, asked, 'each was executed once')
      t.same(await world.wrong(), [])
    },
  )
}

t.test('a page of bytes survives a cut in its middle, whichever way it goes', async (t) => {
  await using world = await ResumeWorld.start({ protocol: 'bin', contentMode: 'bytes' })
  const gpa = gpaOf(FRAME)
  const loaded = await world.client.svm(LPID).load(gpa, 8)
  if (loaded.kind !== 'OK') throw new Error(loaded.kind)
  // Stored by the guest, the page is bytes from now on.
  t.match(await world.client.svm(LPID).store(gpa, loaded.bytes), { kind: 'OK' })
  const bytes = await measure(world)
  t.ok(bytes.up > 65_536 && bytes.down > 65_536, 'it goes both ways')
  for (const direction of ['up', 'down'] as const) {
    for (const at of [0, 1, 8_192, 40_000, 65_535, bytes[direction] - 1]) {
      world.proxy.arm({ kind: 'cut', direction, bytes: at })
      t.equal(await move(world, 'H_SVM_PAGE_OUT'), 0, `${direction} ${at}`)
      t.equal(await move(world, 'H_SVM_PAGE_IN'), 0, `${direction} ${at}`)
    }
  }
  t.equal(world.resumes, 12)
  t.same(await world.wrong(), [])
})

for (const protocol of ['json', 'bin'] as const) {
  t.test(`${protocol}: 10,000 calls and 250 cuts: none lost, none twice`, async (t) => {
    const seed = Date.now() % 2 ** 31
    t.comment(`seed ${seed}`)
    const { wrong, ...figures } = await run({ protocol, seed, calls: 10_000, cuts: 250 })
    t.comment(JSON.stringify(figures))
    t.same(wrong, [], `seed ${seed}`)
    t.ok(figures.calls >= 10_000 && figures.cuts >= 250)
    t.ok(figures.repeated > 0 && figures.resent > figures.cuts, 'the tables were needed')
    t.ok(figures.fenced > 0, 'some resumes came before the server had missed the connection')
  })
}
