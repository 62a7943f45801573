/** The file that `--record` writes: whole lines, in blocks, and nothing is left behind at the end. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { CommandError, ExitCode } from './io.ts'

/** Characters that are written at once. */
const BLOCK_CHARS = 65_536
/** Milliseconds that a line stays in memory, at most. */
const flushMsMax = 250

export class RecordFile {
  readonly #path: string
  readonly #failed: (why: string) => void
  #file: number | undefined
  #lines: string[] = []
  #chars = 0
  #timer: NodeJS.Timeout | undefined

  /** `failed`: the record ends here, the server goes on. */
  constructor(path: string, failed: (why: string) => void) {
    this.#path = path
    this.#failed = failed
    try {
      this.#file = openSync(path, 'w', 0o600)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new CommandError(`--record ${path}: ${why}`, ExitCode.Failed)
    }
  }

  readonly write = (line: string): void => {
    if (this.#file === undefined) return
    this.#lines.push(line)
    this.#chars += line.length + 1
    if (this.#chars >= BLOCK_CHARS) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), flushMsMax).unref()
  }

  close(): void {
    this.#flush()
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#file === undefined || this.#chars === 0) return
    const bytes = Buffer.from(`${this.#lines.join('\n')}\n`)
    this.#lines = []
    this.#chars = 0
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at)
    } catch (error) {
      closeSync(this.#file)
      this.#file = undefined
      const why = error instanceof Error ? error.message : String(error)
      this.#failed(`--record ${this.#path}: ${why}: the record ends here, the server goes on`)
    }
  }
}
