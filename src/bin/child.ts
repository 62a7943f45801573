/** A process that the demo starts: its lines, its end, and its death when nobody needs it. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Io } from './io.ts'

/** Bytes of a child's stderr that an error repeats. */
const COMPLAINT_CHARS_MAX = 2_000
/** Milliseconds that a child has to end once it is told to. */
const END_MS_MAX = 4_000

type Settings = Readonly<Record<string, string>>

export class Child {
  readonly #name: string
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #lines: AsyncIterator<string>
  readonly #ended: Promise<number | null>
  #complaint = ''

  /**
   * Runs this program with other words. Of its settings in the environment only `settings` go on.
   */
  constructor(io: Io, name: string, words: readonly string[], settings: Settings = {}) {
    const [program, ...before] = io.self
    const kept = Object.entries(io.env).filter(([key]) => !key.startsWith('UVMEM_'))
    const env = { ...Object.fromEntries(kept), ...settings }
    this.#name = name
    this.#process = spawn(program, [...before, ...words], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-COMPLAINT_CHARS_MAX)
    })
    // A child that has died is found out by its missing answer.
    this.#process.stdin.on('error', () => undefined)
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
    this.#ended = new Promise((resolve) => {
      this.#process.once('error', () => resolve(null))
      this.#process.once('close', (code) => resolve(code))
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  say(line: object): void {
    this.#process.stdin.write(`${JSON.stringify(line)}\n`)
  }

  /** The next line as JSON. Rejects when the process ends instead. */
  async hear(): Promise<unknown> {
    const step = await this.#lines.next()
    if (step.done !== true) return JSON.parse(step.value)
    const code = await this.#ended
    throw new Error(`${this.#name} ended with code ${code}: ${this.#complaint.trim()}`)
  }

  /** Ends it with a signal, or with the end of its stdin; by force when it takes too long. */
  async end(how: 'SIGTERM' | 'stdin'): Promise<number | null> {
    if (how === 'stdin') this.#process.stdin.end()
    else this.#process.kill(how)
    const force = setTimeout(() => this.#process.kill('SIGKILL'), END_MS_MAX)
    const code = await this.#ended
    clearTimeout(force)
    return code
  }

  /** Ends it at once. */
  kill(): void {
    this.#process.kill('SIGKILL')
  }
}
