/**
 * `npx tsx test/lab/write-documents.ts`
 *
 * Makes the lab's tables in the documents fresh, from the run in src/lab/plots, which
 * `uvmem lab run --plots src/lab/plots` writes.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { withPart } from '../marked-text.ts'
import { PARTS, readRun } from './documents.ts'

const run = readRun(process.cwd())
for (const { file, name, table } of PARTS) {
  writeFileSync(file, withPart(readFileSync(file, 'utf8'), name, table(run)))
}
