/** Replays a file of recordings, line by line, and counts what agrees. */
import { replayHvTrace } from './hv-replay.ts'
import { parseHvTrace } from './hv-trace.ts'
import { linesOf } from './recordings.ts'
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

const replayHvLine = (line: string): Replay => replayHvTrace(parseHvTrace(line))
const replayUvLine = (line: string): Replay => replayUvTrace(parseUvTrace(line))

/** Recordings of the ultravisor say so; all others are the hypervisor's. */
const replayerFor = (line: string): ((line: string) => Replay) =>
  /"variant"\s*:\s*"uv"/.test(line) ? replayUvLine : replayHvLine

/** A line that is no recording is a disagreement, not a crash. */
function replayLine(line: string, number: number, replay: (line: string) => Replay): Replay {
  try {
    return replay(line)
  } catch (error) {
    const at = { trace: `line ${number}`, step: 0, op: {}, what: 'line' }
    const disagreement = { ...at, expected: 'a recording', got: String(error) }
    return { id: at.trace, steps: 0, agreed: 0, disagreements: [disagreement] }
  }
}

/** @throws what the file system throws when the file cannot be read. */
export async function replayFile(path: string, now = () => performance.now()): Promise<FileReport> {
  const begun = now()
  let replay: ((line: string) => Replay) | undefined
  const disagreements: Disagreement[] = []
  const total = { traces: 0, steps: 0, agreed: 0, differing: 0 }
  for await (const line of linesOf(path)) {
    replay ??= replayerFor(line)
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
