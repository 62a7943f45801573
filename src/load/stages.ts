/** How many clients take part as time goes by: straight lines from stage to stage. */
import { parseDuration } from './duration.ts'

export interface Stage {
  readonly ms: number
  /** Clients at its end; at its beginning there are those of the stage before, first none. */
  readonly clients: number
}

/** Milliseconds that a run may last: one week. */
export const runMsMax = 604_800_000

/** Ramp up to `clients`, hold, ramp down to none; parts of no length are left out. */
export function rampOf(
  clients: number,
  parts: { readonly rampUpMs: number; readonly holdMs: number; readonly rampDownMs: number },
): readonly Stage[] {
  return [
    { ms: parts.rampUpMs, clients },
    { ms: parts.holdMs, clients },
    ...(parts.rampDownMs > 0 ? [{ ms: parts.rampDownMs, clients: 0 }] : []),
  ]
}

/** Reads `10s:100,1m:100,10s:0`; a string says what is wrong. */
export function parseStages(text: string, clientsMax: number): readonly Stage[] | string {
  const stages: Stage[] = []
  for (const part of text.split(',')) {
    const [duration = '', count = '', ...rest] = part.trim().split(':')
    const ms = parseDuration(duration)
    const clients = /^\d{1,6}$/.test(count) ? Number(count) : Number.NaN
    if (rest.length > 0 || !(ms >= 0) || !(clients >= 0)) {
      return `${part}: expected DURATION:CLIENTS, such as 30s:100`
    }
    if (clients > clientsMax) return `${part}: there are ${clientsMax} clients`
    stages.push({ ms, clients })
  }
  const total = lengthOf(stages)
  return total > 0 && total <= runMsMax
    ? stages
    : 'the stages last longer than nothing, a week at most'
}

export const lengthOf = (stages: readonly Stage[]): number =>
  stages.reduce((sum, { ms }) => sum + ms, 0)

/** Clients that take part at a time, milliseconds after the start; none behind the end. */
export function clientsAt(stages: readonly Stage[], ms: number): number {
  let before = 0
  let left = ms
  for (const stage of stages) {
    if (left < stage.ms) return Math.round(before + ((stage.clients - before) * left) / stage.ms)
    left -= stage.ms
    before = stage.clients
  }
  return 0
}
