/** The ultravisor core does what the firmware was recorded doing, step by step. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { replayFile } from '../../src/lab/recordings/replay-file.ts'
import { lineOf } from '../../src/lab/recordings/result.ts'
import { recordingsFolder } from './recordings.ts'

const FILES = [
  { file: 'uv-public.jsonl', traces: 300, steps: 8858 },
  { file: 'uv-faults.jsonl', traces: 20, steps: 337 },
]

for (const { file, traces, steps } of FILES) {
  const path = join(recordingsFolder(), file)
  const skip = !existsSync(path) && 'the recordings (../shared/traces) are not here'
  t.test(`every step of ${file} agrees`, { skip }, async (t) => {
    const report = await replayFile(path)
    t.same(report.disagreements.map(lineOf), [], 'nothing differs')
    t.equal(report.traces, traces, 'all recordings were replayed')
    t.equal(report.steps, steps, 'and all of their steps')
    t.equal(report.agreed, steps, 'every step agrees')
  })
}
