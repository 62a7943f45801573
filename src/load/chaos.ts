/** What goes wrong on purpose: how often, in events a second over the whole run. */

export interface Chaos {
  /** One client's connection is cut without a word; its ultravisor loses everything. */
  readonly kill: number
  /** One client's connection is cut; its ultravisor goes on with the session. */
  readonly cut: number
  /** Every client's connection is cut at once; each comes back and goes on with its session. */
  readonly reconnect: number
}

export const NO_CHAOS: Chaos = { kill: 0, cut: 0, reconnect: 0 }
/** Events a second, at most. */
export const chaosRateMax = 1_000

const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 }

/** Reads `kill=0.1/s,reconnect=1/m`; a string says what is wrong. */
export function parseChaos(text: string): Chaos | string {
  const chaos = { ...NO_CHAOS }
  for (const part of text.split(',')) {
    const [, name, count, unit] =
      /^(kill|cut|reconnect)=(\d{1,6}(?:\.\d{1,6})?)\/(s|m|h)$/.exec(part.trim()) ?? []
    if (name !== 'kill' && name !== 'cut' && name !== 'reconnect') {
      return `${part}: expected kill=RATE, cut=RATE or reconnect=RATE, such as kill=0.1/s`
    }
    const rate = Number(count) / (UNIT_S[unit ?? 's'] ?? 1)
    if (rate > chaosRateMax) return `${part}: at most ${chaosRateMax}/s`
    chaos[name] = rate
  }
  return chaos
}
