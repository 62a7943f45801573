/** The subcommands of `uvmem`. */
import type { Command } from 'commander'
import { register as registerAgent } from './agent-command.ts'
import { register as registerCheck } from './check-command.ts'
import { register as registerDemo } from './demo-command.ts'
import { register as registerHv } from './hv-command.ts'
import type { Io } from './io.ts'
import { register as registerLab } from './lab-command.ts'
import { register as registerLoad } from './load-command.ts'
import { register as registerLoadWorker } from './load-worker-command.ts'
import { register as registerUv } from './uv-command.ts'

/** Adds a subcommand to the program. */
export type Register = (program: Command, io: Io) => void

export const COMMANDS: readonly Register[] = [
  registerCheck,
  registerHv,
  registerLoad,
  registerLoadWorker,
  registerUv,
  registerDemo,
  registerLab,
  registerAgent,
]
