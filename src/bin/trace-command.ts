/** `uvmem trace`: a record as a file that ui.perfetto.dev opens. */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Command } from 'commander'
import { z } from 'zod'
import { TraceWriter } from '../hv/record-trace.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { option, text } from './option.ts'
import { addOptions, readOptions } from './options.ts'
import { recordLines } from './record-lines.ts'

/** Characters that are written at once. */
const BLOCK_CHARS = 65_536

const EXAMPLES = `
Examples:
  uvmem trace run.ndjson --perfetto run.json    then open run.json at ui.perfetto.dev

Exit codes: 0 written, 1 the record cannot be read or the file not written, 2 bad usage.`

export const TraceOptions = z.strictObject({
  perfetto: option(text('a file'), 'file to write, in the JSON trace format of Chrome', {
    value: 'file',
  }),
})

export function register(program: Command, io: Io): void {
  const command = program
    .command('trace')
    .description('Show a record as a trace: contexts as tracks, nested calls, flows')
    .argument('<file>', 'what uvmem hv --record has written')
  addOptions(command, TraceOptions).addHelpText('after', EXAMPLES)
  command.action(async (file: string) => {
    const { perfetto } = readOptions(command, TraceOptions, io)
    const lines = await writeTrace(file, perfetto)
    io.err.write(`${perfetto}: ${lines} lines of ${file}.\n`)
  })
}

/** @returns how many lines the record has. */
async function writeTrace(from: string, to: string): Promise<number> {
  const records = recordLines(from)
  // The record is looked at first: a name that was mistyped must not empty a file.
  const first = await records.next()
  if (first.done === true) throw failure(from, 'there is no line in it')
  const out = new Blocks(to)
  try {
    const trace = new TraceWriter(out.write)
    const push = (line: string): void => {
      const why = trace.push(line)
      if (why !== undefined) throw failure(from, why)
    }
    push(first.value)
    let lines = 1
    for await (const line of records) {
      push(line)
      lines++
    }
    trace.end()
    return lines
  } finally {
    out.close()
  }
}

const failure = (path: string, why: string): CommandError =>
  new CommandError(`${path}: ${why}`, ExitCode.Failed)

/** A file that is written in blocks. */
class Blocks {
  readonly #file: number
  #text = ''

  constructor(path: string) {
    try {
      this.#file = openSync(path, 'w')
    } catch (error) {
      throw failure(path, error instanceof Error ? error.message : String(error))
    }
  }

  readonly write = (text: string): void => {
    this.#text += text
    if (this.#text.length >= BLOCK_CHARS) this.#flush()
  }

  close(): void {
    this.#flush()
    closeSync(this.#file)
  }

  #flush(): void {
    const bytes = Buffer.from(this.#text)
    this.#text = ''
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at)
  }
}
