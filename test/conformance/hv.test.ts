/** The hypervisor core does what the real one was recorded doing, and the replay would notice if not. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { replayHvTrace } from '../../src/lab/recordings/hv-replay.ts'
import { replayFile } from '../../src/lab/recordings/replay-file.ts'
import { agrees, linesFor } from '../../src/lab/recordings/report.ts'
import { lineOf } from '../../src/lab/recordings/result.ts'
import { FAULT, LIFE, lifeWith, WRONG } from './mini-traces.ts'
import { recordingsFolder, recordingsIn } from './recordings.ts'

t.test('a recording that is right agrees', async (t) => {
  t.same(replayHvTrace(LIFE), { id: 'life', steps: 5, agreed: 5, disagreements: [] })
  t.same(replayHvTrace(FAULT), { id: 'fault', steps: 4, agreed: 4, disagreements: [] })
})

t.test('a recording that is wrong in one place is reported there', async (t) => {
  for (const { what, step } of WRONG) {
    const { agreed, steps, disagreements } = replayHvTrace(lifeWith(step))
    const [first] = disagreements
    t.same([agreed, steps], [2, 5], `${what}: the steps before it agree, the others do not count`)
    t.equal(first?.what, what, `${what}: the first disagreement`)
    t.equal(first?.step, 2, `${what}: its step`)
    t.equal(first?.trace, 'wrong', `${what}: its recording`)
    t.same(first?.op, step.op, `${what}: its operation`)
  }
})

t.test('a recording of a kernel nobody knows is reported', async (t) => {
  const { agreed, disagreements } = replayHvTrace({ ...LIFE, variant: 'linux-7' })
  t.equal(agreed, 0)
  t.equal(disagreements[0]?.what, 'variant')
})

const linesOfMini = (...traces: readonly unknown[]): string =>
  traces.map((trace) => (typeof trace === 'string' ? trace : JSON.stringify(trace))).join('\n')

t.test('a file is replayed line by line', async (t) => {
  const folder = t.testdir({ 'life.jsonl': '', 'bad.jsonl': '', 'empty.jsonl': '\n\n' })
  const [life, bad] = [join(folder, 'life.jsonl'), join(folder, 'bad.jsonl')]
  writeFileSync(life, `${linesOfMini(LIFE, FAULT)}\n\n`)
  const wrong = WRONG.map(({ step }) => lifeWith(step))
  writeFileSync(bad, linesOfMini(LIFE, '{"id":', ...wrong))

  const good = await replayFile(life)
  t.match(good, { traces: 2, steps: 9, agreed: 9, differing: 0, disagreements: [] })
  t.ok(agrees(good))

  const report = await replayFile(bad)
  t.match(report, { traces: 24, steps: 115, agreed: 49 })
  t.equal(report.disagreements.length, 10, 'ten disagreements are kept')
  t.equal(report.disagreements[0]?.trace, 'line 2', 'a line that is no recording is one of them')
  t.ok(report.differing > 10, 'all are counted')
  t.notOk(agrees(report))
  t.match(linesFor(report).at(-1), /^ {2}and \d+ more disagreements$/)

  const empty = await replayFile(join(folder, 'empty.jsonl'))
  t.notOk(agrees(empty), 'a file without recordings is no success')
})

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))

function command(...files: readonly string[]): { status: number | null; text: string } {
  const args = ['--import=tsx', MAIN, ...files]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return { status, text: `${stdout}${stderr}` }
}

t.test('the command says what agrees, and ends with a code', async (t) => {
  const folder = t.testdir({ 'life.jsonl': '', 'bad.jsonl': '' })
  const [life, bad] = [join(folder, 'life.jsonl'), join(folder, 'bad.jsonl')]
  writeFileSync(life, linesOfMini(LIFE))
  writeFileSync(bad, linesOfMini(...WRONG.slice(0, 1).map(({ step }) => lifeWith(step))))

  const good = command(life)
  t.equal(good.status, 0, 'all agree')
  t.match(good.text, /^life\.jsonl: 1 traces, 5 steps, 5 agree /)
  t.match(good.text, /total: 1 traces, 5 steps, 5 agree = 100\.00 %/)

  const wrong = command(life, bad)
  t.equal(wrong.status, 1, 'one does not')
  t.match(wrong.text, /bad\.jsonl: 1 traces, 5 steps, 2 agree /)
  t.match(wrong.text, / {2}wrong step 2 \{"op":"page_in".*\} ret: expected -4 H_PARAMETER, got 0/)

  const missing = command(join(folder, 'nowhere.jsonl'))
  t.equal(missing.status, 2, 'a file that is named must be there')
  t.match(missing.text, /nowhere\.jsonl: cannot be read/)
})

const files = recordingsIn(recordingsFolder(), 'hv-')
const skip =
  files === undefined && 'the recordings (../shared/traces) are not here: nothing was compared'

t.test('every recorded step of the real hypervisor agrees', { skip }, async (t) => {
  for (const path of files ?? []) {
    const report = await replayFile(path)
    t.same(report.disagreements.map(lineOf), [], `${path}: nothing differs`)
    t.equal(report.agreed, report.steps, `${path}: every step agrees`)
    t.ok(report.steps > 100, `${path}: there are steps`)
  }
})
