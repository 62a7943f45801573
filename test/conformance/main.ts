/**
 * The conformance command: replays recordings of the real code through the cores.
 *
 * `npm run conformance -- FILE…`; without a file, all of ../shared/traces. Exit code 1 on any
 * disagreement, 2 when a file cannot be read.
 */

import { type FileReport, replayFile } from '../../src/lab/recordings/replay-file.ts'
import { agrees, linesFor, totalLine } from '../../src/lab/recordings/report.ts'
import { recordingsFolder, recordingsIn } from './recordings.ts'

const CANNOT_READ = 2

async function main(named: readonly string[]): Promise<number> {
  const folder = recordingsFolder()
  const paths = named.length > 0 ? named : recordingsIn(folder)
  if (paths === undefined || paths.length === 0) {
    console.log(`The recordings are not here: there is no .jsonl file in ${folder}.`)
    return 0
  }
  const reports: FileReport[] = []
  for (const path of paths) {
    try {
      const report = await replayFile(path)
      for (const line of linesFor(report)) console.log(line)
      reports.push(report)
    } catch (error) {
      console.error(`${path}: cannot be read: ${String(error)}`)
      return CANNOT_READ
    }
  }
  console.log(totalLine(reports))
  return reports.every(agrees) ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
