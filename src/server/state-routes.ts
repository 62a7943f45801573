/** Handlers: snapshots, checkpoints, reset. */
import { createHash } from 'node:crypto'
import { REST_LIMITS } from '../../schemas/rest/limits.ts'
import type { StateRefusal } from '../hv/state-control.ts'
import { readState, type Sha256, writeState } from '../hv/state-file.ts'
import { unreachable } from '../lib/assert.ts'
import type { Download, Handlers, Upload } from './handler.ts'
import { Problem, problem } from './problem.ts'

const { snapshotBytesMax } = REST_LIMITS
const OK = { code: 0, name: 'OK' }

export const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

type Unknown = 'vm-unknown' | 'checkpoint-unknown'

const isRefusal = (given: object): given is StateRefusal => 'why' in given && 'text' in given

/** `unknown`: what is not there when the application says so. */
function refusalOf({ why, text, passed }: StateRefusal, unknown: Unknown): Problem {
  switch (why) {
    case 'busy':
      return problem('busy', text)
    case 'unknown':
      return problem(unknown, text)
    case 'full':
      return new Problem('limit-reached', { detail: text, ...passed })
    case 'unfit':
      return problem('snapshot-unfit', text)
    default:
      return unreachable(why)
  }
}

function fileOf(state: object): Download {
  const bytes = writeState(state, sha256)
  return { length: bytes.length, chunks: once(bytes) }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The state in an uploaded file; nothing is kept of one that is too long. */
async function stateOf({ chunks, length }: Upload): Promise<Problem | { readonly state: unknown }> {
  const tooLarge = (): Problem =>
    problem('too-large', `snapshotBytesMax allows ${snapshotBytesMax} bytes.`)
  if (length !== undefined && length > snapshotBytesMax) return tooLarge()
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > snapshotBytesMax) return tooLarge()
    parts.push(chunk)
  }
  const read = readState(Buffer.concat(parts), sha256)
  if (!('error' in read)) return read
  return problem('snapshot-unfit', `The file was refused: ${read.error}.`)
}

export const STATE_HANDLERS: Handlers<
  | 'getSnapshot'
  | 'putSnapshot'
  | 'getVmSnapshot'
  | 'addVmSnapshot'
  | 'listCheckpoints'
  | 'saveCheckpoint'
  | 'loadCheckpoint'
  | 'removeCheckpoint'
  | 'resetHost'
> = {
  getSnapshot: async ({ state }) => {
    const given = await state.snapshot()
    return isRefusal(given) ? refusalOf(given, 'checkpoint-unknown') : fileOf(given)
  },
  putSnapshot: async ({ state }, { body }) => {
    const read = await stateOf(body)
    if (read instanceof Problem) return read
    const given = await state.restore(read.state)
    return given === undefined ? OK : refusalOf(given, 'checkpoint-unknown')
  },
  getVmSnapshot: async ({ state }, { path: { lpid } }) => {
    const given = await state.snapshotVm(lpid)
    return isRefusal(given) ? refusalOf(given, 'vm-unknown') : fileOf(given)
  },
  addVmSnapshot: async ({ state }, { body }) => {
    const read = await stateOf(body)
    if (read instanceof Problem) return read
    const given = await state.restoreVm(read.state)
    return given === undefined ? OK : refusalOf(given, 'vm-unknown')
  },
  listCheckpoints: ({ state }) => ({ checkpoints: state.checkpoints().map(checkpointFacts) }),
  saveCheckpoint: async ({ state }, { path: { name } }) => {
    const given = await state.save(name)
    return isRefusal(given) ? refusalOf(given, 'checkpoint-unknown') : checkpointFacts(given)
  },
  loadCheckpoint: async ({ state }, { path: { name } }) => {
    const given = await state.load(name)
    return given === undefined ? OK : refusalOf(given, 'checkpoint-unknown')
  },
  removeCheckpoint: ({ state }, { path: { name } }) =>
    state.remove(name) ? OK : problem('checkpoint-unknown', `There is no checkpoint ${name}.`),
  resetHost: async ({ state }) => {
    const given = await state.reset()
    return given === undefined ? OK : refusalOf(given, 'checkpoint-unknown')
  },
}

interface CheckpointLike {
  readonly name: string
  readonly time: number
  readonly vms: number
}
const checkpointFacts = ({ name, time, vms }: CheckpointLike) => ({ name, saved_ms: time, vms })
