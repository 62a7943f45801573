/**
 * The subcommands of `uvmem`, each loaded only when it is asked for: a server need not read the
 * model checker to start.
 */
import type { Command } from 'commander'
import type { Io } from './io.ts'

/** Adds a subcommand to the program. */
export type Register = (program: Command, io: Io) => void

type Load = () => Promise<{ readonly register: Register }>

export const COMMANDS: Readonly<Record<string, Load>> = {
  hv: () => import('./hv-command.ts'),
  uv: () => import('./uv-command.ts'),
  demo: () => import('./demo-command.ts'),
  load: () => import('./load-command.ts'),
  check: () => import('./check-command.ts'),
  lab: () => import('./lab-command.ts'),
  vm: () => import('./vm-command.ts'),
  frames: () => import('./frames-command.ts'),
  journal: () => import('./journal-command.ts'),
  fault: () => import('./fault-command.ts'),
  replay: () => import('./replay-command.ts'),
  trace: () => import('./trace-command.ts'),
  exec: () => import('./exec-command.ts'),
  'load-worker': () => import('./load-worker-command.ts'),
  'uv-agent': () => import('./agent-command.ts'),
}

/** Sections that a config file may have. */
export const COMMAND_NAMES: readonly string[] = Object.keys(COMMANDS)

/** Adds the command that the words name; all of them when they name none, for help and errors. */
export async function addCommands(program: Command, words: readonly string[], io: Io) {
  const loads = loadsFor(words[0])
  for (const { register } of await Promise.all(loads.map((load) => load()))) register(program, io)
}

function loadsFor(word: string | undefined): readonly Load[] {
  if (word === '--version' || word === '-V') return []
  const named = word !== undefined && Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined
  return named === undefined ? Object.values(COMMANDS) : [named]
}
