/** The ultravisor core does what the firmware was recorded doing, step by step. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { lineOf, summaryOf } from './result.ts'
import { replayUvTrace } from './uv-replay.ts'
import { readUvTraces, recordingsFolder } from './uv-trace.ts'

const FILES = [
  { file: 'uv-public.jsonl', traces: 300, steps: 8858 },
  { file: 'uv-faults.jsonl', traces: 20, steps: 337 },
]

const folder = recordingsFolder()

for (const { file, traces, steps } of FILES) {
  const path = `${folder}${file}`
  const skip = folder === undefined || !existsSync(path)
  t.test(
    `every step of ${file} agrees`,
    { skip: skip && 'the recordings (../shared/traces) are not here' },
    async (t) => {
      const summary = summaryOf(readUvTraces(path).map(replayUvTrace))
      t.same(summary.disagreements.slice(0, 20).map(lineOf), [], 'nothing differs')
      t.equal(summary.traces, traces, 'all recordings were replayed')
      t.equal(summary.steps, steps, 'and all of their steps')
      t.equal(summary.agreed, steps, 'every step agrees')
    },
  )
}
