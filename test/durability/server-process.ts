/** `uvmem hv --durable` as a process that is killed and started again, on its port and directory. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Program } from '../built-program.ts'

/** Milliseconds that a start may take on a machine that has much else to do. */
const startMsMax = 110_000

export interface Place {
  readonly url: string
  readonly uv: string
}

export class ServerProcess {
  readonly #program: Program
  readonly #dir: string
  readonly #words: readonly string[]
  #child: ChildProcess | undefined
  #port = 0
  #err = ''
  /** Milliseconds from each start to the line that says it is ready. */
  readonly startsMs: number[] = []

  constructor(program: Program, dir: string, words: readonly string[]) {
    this.#program = program
    this.#dir = dir
    this.#words = words
  }

  /** What its processes have said on stderr. */
  get err(): string {
    return this.#err
  }

  /** Starts it; rejects with what it says when it is not ready but ends. */
  async start(): Promise<Place> {
    const began = performance.now()
    const child = spawn(
      // What tap wants of Node.js is for tests, not for the server: it adds that to every environment.
      'env',
      [
        ...['-u', 'NODE_OPTIONS', process.execPath],
        ...this.#program.words,
        'hv',
        ...['--durable', '--state-dir', this.#dir, '--port', String(this.#port)],
        ...['--log-level', 'error', ...this.#words],
      ],
      { env: { PATH: process.env['PATH'] ?? '' }, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    this.#child = child
    // Whoever is not ready by then never will be.
    const late = setTimeout(() => child.kill('SIGKILL'), startMsMax)
    child.once('exit', () => clearTimeout(late))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#err += text
    })
    for await (const line of createInterface({ input: child.stdout })) {
      const { url, uv } = JSON.parse(line) as Place
      clearTimeout(late)
      this.startsMs.push(performance.now() - began)
      this.#port = Number(new URL(url).port)
      return { url, uv }
    }
    throw new Error(`the server in ${this.#dir} did not start: ${this.#err}`)
  }

  /** Ends it by a signal, and waits until it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined) return null
    if (child.exitCode !== null || child.signalCode !== null) {
      this.#err += `it had ended by itself: ${child.exitCode ?? child.signalCode}\n`
      return null
    }
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve))
    child.kill(signal)
    return await gone
  }
}
