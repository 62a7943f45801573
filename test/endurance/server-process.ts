/** The other side of server-child.ts. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Address } from '../../src/server/listen.ts'

/** `quick`: without the heap, for which garbage has to be collected. */
export type Asked = 'all' | 'quick' | 'end'

export interface Held {
  /** Bytes in use once the garbage is gone. */
  readonly heap: number
  readonly rss: number
  /** What keeps the process alive, by kind. */
  readonly resources: Readonly<Record<string, number>>
  /** Operations of the VM that has the most. */
  readonly queueLongest: number
  /** Bytes that wait to be sent to the client that has the most. */
  readonly sendBufferLongest: number
  readonly sessions: number
  readonly vms: number
  readonly devicePages: number
}

const isSource = import.meta.url.endsWith('.ts')
const CHILD = fileURLToPath(new URL(`./server-child.${isSource ? 'ts' : 'js'}`, import.meta.url))

export class ServerProcess {
  readonly address: Address
  readonly #child: ChildProcess
  /** What it has said on stderr: nothing, if all is well. */
  err = ''

  private constructor(child: ChildProcess, address: Address) {
    this.#child = child
    this.address = address
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text
    })
  }

  static async start(): Promise<ServerProcess> {
    const execArgv = isSource ? ['--import=tsx'] : []
    // What tap wants of Node.js is for tests, not for the server.
    const env = { PATH: process.env['PATH'] ?? '' }
    const child = fork(CHILD, { execArgv, env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    const [address] = (await once(child, 'message')) as [Address]
    return new ServerProcess(child, address)
  }

  async look(asked: 'all' | 'quick'): Promise<Held> {
    const answer = once(this.#child, 'message')
    this.#child.send(asked)
    return ((await answer) as [Held])[0]
  }

  /** Ends it; @returns the exit code, null when it had to be killed. */
  async end(): Promise<number | null> {
    const gone = once(this.#child, 'exit')
    this.#child.send('end')
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    const [code] = (await gone) as [number | null]
    clearTimeout(late)
    return code
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
