/**
 * The conformance command: replays recordings of the real code through the cores.
 *
 * `npm run conformance -- [--json FILE] FILE…`; without a file, all of ../shared/traces. Exit code 1 on any
 * disagreement, 2 when a file cannot be read.
 */

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type FileReport, replayFile } from '../../src/lab/recordings/replay-file.ts'
import { agrees, linesFor, totalLine } from '../../src/lab/recordings/report.ts'
import { recordingsFolder, recordingsIn } from './recordings.ts'

const CANNOT_READ = 2

async function main(args: string[]): Promise<number> {
  const options = { json: { type: 'string' } } as const
  const { values, positionals: named } = parseArgs({ args, options, allowPositionals: true })
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
  if (values.json !== undefined) writeFigure(values.json, reports)
  return reports.every(agrees) ? 0 : 1
}

function writeFigure(file: string, reports: readonly FileReport[]): void {
  const sum = (of: (report: FileReport) => number): number =>
    reports.reduce((all, report) => all + of(report), 0)
  const figure = {
    id: 'conformance',
    promise: 'Each step has the code, the calls and the state of the real code, defects included',
    fault: 'recordings of three versions of Linux, the series of 2020 and the firmware',
    count: sum(({ agreed }) => agreed),
    seed: 0,
    durationMs: Math.round(sum(({ tookMs }) => tookMs)),
    ok: reports.every(agrees),
  }
  writeFileSync(file, `${JSON.stringify(figure, undefined, 2)}\n`)
}

process.exitCode = await main(process.argv.slice(2))
