/** `uvmem lab run`: the designs of the thread, each played out. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpuUsage } from 'node:process'
import type { Command } from 'commander'
import { DESIGNS } from '../lab/design.ts'
import { type LabResult, runLab } from '../lab/lab.ts'
import { plotFilesOf, summaryOf } from '../lab/plots.ts'
import { htmlOf } from '../lab/report-html.ts'
import { allocatorLines, experimentLines, switchLines } from '../lab/report-text.ts'
import { STORIES } from '../lab/story.ts'
import type { Io } from './io.ts'
import { LabOptions } from './lab-options.ts'
import { addOptions, readOptions } from './options.ts'

const EXAMPLES = `
Examples:
  uvmem lab run                           every design, switches of 1 GB to 1 TB (a few minutes)
  uvmem lab run --sizes 1GB,10GB          less patience
  uvmem lab run --design linux-6 --sizes none
  uvmem lab run --plots src/lab/plots     the plots as files of their own
  uvmem lab run --wire --sizes none       the stories with a socket between the two sides

An outcome is what the run showed, whether that is what anybody expected or not: a broken invariant
is a result, not a failure. Times that were measured are CPU times of this process. Exit codes: 0 ran, 2 bad usage.`

export function register(program: Command, io: Io): void {
  const lab = program.command('lab').description('The experiments of the lab')
  const command = lab.command('run').description('Play every design, and say what came of it')
  addOptions(command, LabOptions).addHelpText('after', EXAMPLES)
  command.action(() => run(readOptions(command, LabOptions, io), io))
}

async function run(options: LabOptions, io: Io): Promise<void> {
  const plan = {
    designs: DESIGNS.filter(({ name }) => options.design.includes(name)),
    stories: STORIES,
    sizes: options.sizes,
    wire: options.wire,
    costs: {
      usPerPageIn: options.costPageIn,
      usPerLocalPage: options.costLocal,
      usPerOfferedPage: options.costPageIn,
    },
  }
  const result = await runLab(plan, {
    now: cpuMs,
    tell: (what) => io.err.write(`${what}\n`),
  })
  if (options.html !== undefined) writeFileSync(options.html, htmlOf(result))
  if (options.plots !== undefined) writePlots(options.plots, result)
  io.out.write(options.json ? `${JSON.stringify(result)}\n` : `${linesOf(result).join('\n')}\n`)
}

/** CPU time: what else the machine does meanwhile does not count. */
function cpuMs(): number {
  const { user, system } = cpuUsage()
  return (user + system) / 1_000
}

/** The plots, and the run that they are of. */
function writePlots(folder: string, result: LabResult): void {
  mkdirSync(folder, { recursive: true })
  const summary = summaryOf(result)
  for (const [name, svg] of plotFilesOf(summary)) writeFileSync(join(folder, name), svg)
  writeFileSync(join(folder, 'run.json'), `${JSON.stringify(summary, undefined, 2)}\n`)
}

function linesOf({ experiments, switches, costs }: LabResult): string[] {
  return [
    ...experimentLines(experiments),
    ...switchLines(switches, costs),
    ...allocatorLines(switches),
  ]
}
