/** Handlers: snapshots, checkpoints, reset. */
import { createHash } from 'node:crypto'
import { snapshotBytesMax } from '../../schemas/rest/state.ts'
import { checkpointsMax, type StateRefusal } from '../hv/state-control.ts'
import { readState, type Sha256, writeState } from '../hv/state-file.ts'
import { unreachable } from '../lib/assert.ts'
import type { Download, Handlers, Upload } from './handler.ts'
import { Problem, problem } from './problem.ts'

const OK = { code: 0, name: 'OK' }

export const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** What is not there when the application says `unknown`, and what is full when it says so. */
interface Meanings {
  readonly unknown: 'vm-unknown' | 'checkpoint-unknown'
  readonly limit: string
  readonly max: number
}

const isRefusal = (given: object): given is StateRefusal => 'why' in given && 'text' in given

function refusalOf({ why, text }: StateRefusal, { unknown, limit, max }: Meanings): Problem {
  switch (why) {
    case 'busy':
      return problem('busy', text)
    case 'unknown':
      return problem(unknown, text)
    case 'full':
      return new Problem('limit-reached', { detail: text, limit, max })
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

const CHECKPOINTS: Meanings = {
  unknown: 'checkpoint-unknown',
  limit: 'checkpointsMax',
  max: checkpointsMax,
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
    return isRefusal(given) ? refusalOf(given, CHECKPOINTS) : fileOf(given)
  },
  putSnapshot: async ({ state }, { body }) => {
    const read = await stateOf(body)
    if (read instanceof Problem) return read
    const given = await state.restore(read.state)
    return given === undefined ? OK : refusalOf(given, CHECKPOINTS)
  },
  getVmSnapshot: async ({ hv, state }, { path: { lpid } }) => {
    const given = await state.snapshotVm(lpid)
    return isRefusal(given) ? refusalOf(given, vmsOf(hv.config.limits.vmsMax)) : fileOf(given)
  },
  addVmSnapshot: async ({ hv, state }, { body }) => {
    const read = await stateOf(body)
    if (read instanceof Problem) return read
    const given = await state.restoreVm(read.state)
    return given === undefined ? OK : refusalOf(given, vmsOf(hv.config.limits.vmsMax))
  },
  listCheckpoints: ({ state }) => ({ checkpoints: state.checkpoints().map(checkpointFacts) }),
  saveCheckpoint: async ({ state }, { path: { name } }) => {
    const given = await state.save(name)
    return isRefusal(given) ? refusalOf(given, CHECKPOINTS) : checkpointFacts(given)
  },
  loadCheckpoint: async ({ state }, { path: { name } }) => {
    const given = await state.load(name)
    return given === undefined ? OK : refusalOf(given, CHECKPOINTS)
  },
  removeCheckpoint: ({ state }, { path: { name } }) =>
    state.remove(name) ? OK : problem('checkpoint-unknown', `There is no checkpoint ${name}.`),
  resetHost: async ({ state }) => {
    const given = await state.reset()
    return given === undefined ? OK : refusalOf(given, CHECKPOINTS)
  },
}

const vmsOf = (max: number): Meanings => ({ unknown: 'vm-unknown', limit: 'vmsMax', max })

interface CheckpointLike {
  readonly name: string
  readonly time: number
  readonly vms: number
}
const checkpointFacts = ({ name, time, vms }: CheckpointLike) => ({ name, saved_ms: time, vms })
