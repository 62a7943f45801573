/** Replays a file of recordings, line by line, and counts what agrees. */
import { HV_PROFILES, type HvProfileName } from '../../uvmem/profile.ts'
import { replayHvTrace } from './hv-replay.ts'
import { parseHvTrace } from './hv-trace.ts'
import { linesOf } from './lines.ts'
import type { Disagreement, Replay } from './result.ts'
import { replayUvTrace } from './uv-replay.ts'
import { parseUvTrace } from './uv-trace.ts'

/** Disagreements that a report shows, at most; the others are counted. */
export const disagreementsShownMax = 10

export interface FileReport {
  readonly path: string
  readonly traces: number
  readonly steps: number
  /** Steps that agree. */
  readonly agreed: number
  /** How many disagreements there are in all. */
  readonly differing: number
  /** The first of them. */
  readonly disagreements: readonly Disagreement[]
  /** Wall time, in milliseconds. */
  readonly tookMs: number
}

/** What is asked for once for all recordings of a file. */
export interface ReplayOptions {
  /** Hypervisors are replayed under this profile, and not under the one that they are recordings of. */
  readonly profile?: HvProfileName
  /** Milliseconds of a clock that does not go back. */
  readonly now?: () => number
}

type Replayer = (line: string) => Replay

const replayUvLine: Replayer = (line) => replayUvTrace(parseUvTrace(line))

/** Characters of a line within which a recording says what it is of. */
const headChars = 1_000

/** True for a line of a file of recordings. */
export const isRecording = (line: string): boolean => /"variant"\s*:/.test(line.slice(0, headChars))

/** Recordings of the ultravisor say so; all others are the hypervisor's. */
export const isOfUltravisor = (line: string): boolean =>
  /"variant"\s*:\s*"uv"/.test(line.slice(0, headChars))

function replayerFor(line: string, profile: HvProfileName | undefined): Replayer {
  if (isOfUltravisor(line)) return replayUvLine
  const instead = profile === undefined ? {} : { profile: HV_PROFILES[profile] }
  return (each) => replayHvTrace(parseHvTrace(each), instead)
}

/** A line that is no recording is a disagreement, not a crash. */
function replayLine(line: string, number: number, replay: Replayer): Replay {
  try {
    return replay(line)
  } catch (error) {
    const at = { trace: `line ${number}`, step: 0, op: {}, what: 'line' }
    const disagreement = { ...at, expected: 'a recording', got: String(error) }
    return { id: at.trace, steps: 0, agreed: 0, disagreements: [disagreement] }
  }
}

/** `path` is only told. */
export async function replayLines(
  path: string,
  lines: AsyncIterable<string>,
  { profile, now = () => performance.now() }: ReplayOptions = {},
): Promise<FileReport> {
  const begun = now()
  let replay: Replayer | undefined
  const disagreements: Disagreement[] = []
  const total = { traces: 0, steps: 0, agreed: 0, differing: 0 }
  for await (const line of lines) {
    replay ??= replayerFor(line, profile)
    total.traces++
    const one = replayLine(line, total.traces, replay)
    total.steps += one.steps
    total.agreed += one.agreed
    total.differing += one.disagreements.length
    const room = disagreementsShownMax - disagreements.length
    disagreements.push(...one.disagreements.slice(0, Math.max(0, room)))
  }
  return { path, ...total, disagreements, tookMs: now() - begun }
}

/** @throws what the file system throws when the file cannot be read. */
export const replayFile = (path: string): Promise<FileReport> => replayLines(path, linesOf(path))
