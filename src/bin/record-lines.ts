/** The lines of a record, as they are read. */
import { open } from 'node:fs/promises'
import { CommandError, ExitCode } from './io.ts'

/** A file that cannot be read is a CommandError. */
export async function* recordLines(path: string): AsyncGenerator<string> {
  const failed = (error: unknown): CommandError => {
    const why = error instanceof Error ? error.message : String(error)
    return new CommandError(`${path}: ${why}`, ExitCode.Failed)
  }
  const file = await open(path).catch((error: unknown) => Promise.reject(failed(error)))
  try {
    // A directory can be opened, and fails when it is read.
    await file.read(new Uint8Array(1), 0, 1, 0)
  } catch (error) {
    await file.close()
    throw failed(error)
  }
  try {
    for await (const line of file.readLines({ start: 0 })) if (line !== '') yield line
  } finally {
    await file.close()
  }
}
