/** What the heap holds once the garbage is gone. */
import { getHeapCodeStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes that are in use. A turn of the event loop lets go of what the last one held. */
export async function heapBytes(): Promise<number> {
  for (let times = 0; times < 3; times++) {
    await new Promise((done) => setImmediate(done))
    collect()
  }
  return process.memoryUsage().heapUsed
}

/**
 * The same without compiled code: of that there is more or less with what the compiler thinks worth it,
 * up to a megabyte in a million messages, in a heap of 25, and it has nothing to do with what is kept.
 */
export async function dataBytes(): Promise<number> {
  const bytes = await heapBytes()
  return bytes - getHeapCodeStatistics().code_and_metadata_size
}
