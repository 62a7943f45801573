/** `uvmem lab run`: the designs of the thread, each played out. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { DESIGNS } from '../lab/design.ts'
import { type LabResult, runLab } from '../lab/lab.ts'
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
  uvmem lab run --wire --sizes none       the stories with a socket between the two sides

An outcome is what the run showed, whether that is what anybody expected or not: a broken invariant
is a result, not a failure. Exit codes: 0 ran, 2 bad usage.`

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
    now: () => performance.now(),
    tell: (what) => io.err.write(`${what}\n`),
  })
  if (options.html !== undefined) writeFileSync(options.html, htmlOf(result))
  io.out.write(options.json ? `${JSON.stringify(result)}\n` : `${linesOf(result).join('\n')}\n`)
}

function linesOf({ experiments, switches, costs }: LabResult): string[] {
  return [
    ...experimentLines(experiments),
    ...switchLines(switches, costs),
    ...allocatorLines(switches),
  ]
}
