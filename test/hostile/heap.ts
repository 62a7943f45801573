/** What the heap holds once the garbage is gone. */
import { setFlagsFromString } from 'node:v8'
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
