/** Wrong variants of both sides: each is found, and by whom the table says. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseHvTrace } from '../../src/lab/recordings/hv-trace.ts'
import { linesOf } from '../../src/lab/recordings/lines.ts'
import { parseUvTrace } from '../../src/lab/recordings/uv-trace.ts'
import { recordingsFolder } from '../conformance/recordings.ts'
import { checkerFinds, randomTestsFind, recordingsFind } from './finders.ts'
import { SEEDED_DEFECTS, type SeededDefect } from './seeded-defects.ts'

// Beside others that run at the same time it may take longer than a test usually may.
t.setTimeout(600_000)

/** Recordings of a file that are replayed under each defect. */
const recordingsMax = 60

/** No defect at all: a finder that finds it finds nothing. */
const SOUND: SeededDefect = {
  ...{ name: 'nothing is wrong', double: 'nothing is wrong', uv: {} },
  ...{ checker: undefined, foundBy: [] },
}

async function firstOf<T>(file: string, parse: (line: string) => T): Promise<T[]> {
  const found: T[] = []
  for await (const line of linesOf(join(recordingsFolder(), file))) {
    if (found.push(parse(line)) === recordingsMax) break
  }
  return found
}

t.test('there are many, and each is found by somebody', async (t) => {
  t.ok(SEEDED_DEFECTS.length >= 30, `${SEEDED_DEFECTS.length} defects`)
  t.equal(new Set(SEEDED_DEFECTS.map(({ name }) => name)).size, SEEDED_DEFECTS.length)
  for (const { name, checker, foundBy } of SEEDED_DEFECTS) {
    t.ok(checker !== undefined || foundBy.length > 0, name)
  }
})

t.test('the checker finds those that it is said to find', async (t) => {
  for (const defect of [SOUND, ...SEEDED_DEFECTS]) {
    const [world = 'thread', breaks] = defect.checker ?? []
    // Who holds a lock of the queues is nothing that the checker's world has.
    if (defect.lock === undefined) t.equal(checkerFinds(defect, world), breaks, defect.name)
  }
})

t.test('random tests find those that they are said to find, and no other', async (t) => {
  for (const defect of [SOUND, ...SEEDED_DEFECTS]) {
    const expected = defect.foundBy.includes('random tests')
    t.equal(await randomTestsFind(defect), expected, defect.name)
  }
  t.notOk(await randomTestsFind({ ...SOUND, lock: 'every lock is held' }), 'held locks are none')
})

const here = existsSync(recordingsFolder())
const skip = !here && 'the recordings (../shared/traces) are not here'

t.test('recordings find those that they are said to find, and no other', { skip }, async (t) => {
  const hv = [
    ...(await firstOf('hv-linux-6-public.jsonl', parseHvTrace)),
    ...(await firstOf('hv-linux-6-leaks.jsonl', parseHvTrace)),
  ]
  const uv = await firstOf('uv-public.jsonl', parseUvTrace)
  for (const defect of [SOUND, ...SEEDED_DEFECTS]) {
    const expected = defect.foundBy.includes('recordings')
    t.equal(recordingsFind(defect, hv, uv), expected, defect.name)
  }
})
