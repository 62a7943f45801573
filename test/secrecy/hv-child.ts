/** Starts the hypervisor under search and talks to it. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Order } from './hv-process.ts'

const PROGRAM = fileURLToPath(import.meta.url).replace('hv-child', 'hv-process')

export interface HvChild {
  readonly pid: number
  readonly url: string
  readonly uv: string
  obey(order: Order): Promise<void>
  /** Ends it as SIGTERM would, and waits until it is gone. */
  end(): Promise<void>
  kill(): void
}

/** `said`: told what it writes on stdout and stderr. */
export async function startHv(options: object, said: (text: Buffer) => void): Promise<HvChild> {
  const execArgv = PROGRAM.endsWith('.ts') ? ['--import=tsx'] : []
  const child = fork(PROGRAM, [JSON.stringify(options)], {
    execArgv,
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  child.stdout?.on('data', said)
  child.stderr?.on('data', said)
  const closed = once(child, 'close')
  const { ready } = (await answerOf(child, closed)) as { ready: { url: string; uv: string } }
  const obey = async (order: Order): Promise<void> => {
    const answer = answerOf(child, closed)
    child.send(order)
    await answer
  }
  return {
    pid: child.pid ?? 0,
    ...ready,
    obey,
    end: async () => {
      await obey({ do: 'end' })
      await closed
    },
    kill: () => {
      child.kill('SIGKILL')
    },
  }
}

/** `closed`: resolves when the process is gone. */
async function answerOf(child: ChildProcess, closed: Promise<unknown>): Promise<unknown> {
  const ended = closed.then((): unknown[] => {
    throw new Error('the hypervisor under search has ended')
  })
  ended.catch(() => undefined)
  const [answer] = (await Promise.race([once(child, 'message'), ended])) as unknown[]
  return answer
}
