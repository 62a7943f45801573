/** Which document holds which of the lab's tables, and how they are made fresh. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunSummary } from '../../src/lab/plots.ts'
import { costTable, designTable, outcomeTable, searchTable, seededTable } from './tables.ts'

/** The run that the tables and plots are of. */
export const PLOTS_FOLDER = join('src', 'lab', 'plots')
export const readRun = (root: string): RunSummary =>
  JSON.parse(readFileSync(join(root, PLOTS_FOLDER, 'run.json'), 'utf8')) as RunSummary

export interface Part {
  readonly file: string
  readonly name: string
  readonly table: (run: RunSummary) => string
}

export const PARTS: readonly Part[] = [
  { file: 'README.md', name: 'lab-designs', table: designTable },
  { file: 'src/lab/README.md', name: 'lab-outcomes', table: outcomeTable },
  { file: 'src/lab/README.md', name: 'lab-costs', table: costTable },
  { file: 'src/lab/README.md', name: 'lab-search', table: searchTable },
  { file: 'src/lab/README.md', name: 'lab-seeded', table: seededTable },
]
