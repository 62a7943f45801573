/** The lines of a file of recordings. */
import { createReadStream } from 'node:fs'

/** Bytes that are read at once: a recording has some thousands. */
const CHUNK_BYTES = 2 ** 20

/** A file's lines that are not empty, one at a time: the file may be of any size. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const chunks = createReadStream(path, { encoding: 'utf8', highWaterMark: CHUNK_BYTES })
  let begun: string[] = []
  for await (const chunk of chunks as AsyncIterable<string>) {
    const [end = '', ...lines] = chunk.split('\n')
    begun.push(end)
    const last = lines.pop()
    if (last === undefined) continue
    lines.unshift(begun.join(''))
    begun = [last]
    for (const line of lines) if (line.trim() !== '') yield line
  }
  const last = begun.join('')
  if (last.trim() !== '') yield last
}
