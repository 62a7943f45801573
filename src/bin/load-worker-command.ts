/** `uvmem load-worker`, hidden: one of the processes that `uvmem load` starts to generate load. */
import type { Command } from 'commander'
import type { Down } from '../load/messages.ts'
import { LoadWorker } from '../load/worker.ts'
import { CommandError, type Io } from './io.ts'

export const LOAD_WORKER = 'load-worker'

export function register(program: Command, io: Io): void {
  const command = program.command(LOAD_WORKER, { hidden: true })
  command.description('Generate load as told by the process that started this one')
  command.action(() => serve(io))
}

function serve({ parent, onSignal }: Io): void {
  if (parent === undefined) throw new CommandError(`${LOAD_WORKER} is started by uvmem load alone`)
  const worker = new LoadWorker({ say: parent.send, close: parent.close })
  parent.onMessage((down) => {
    // What throws here is our own fault: it ends the process, and the run with it.
    worker.obey(down as Down).catch((error: unknown) => {
      setImmediate(() => {
        throw error
      })
    })
  })
  parent.onEnd(() => worker.end())
  // A terminal sends Ctrl-C to all: the main process decides what becomes of the run.
  onSignal(() => undefined)
}
