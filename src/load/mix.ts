/** The mix of operations: how often each is done, relative to the others. */
import type { Prng } from '../lib/prng.ts'
import { OPERATION_NAMES, type OperationName } from './metric.ts'

export type Mix = Readonly<Record<OperationName, number>>

/** Weight of one operation, at most. */
export const weightMax = 1_000_000

const NOTHING = Object.fromEntries(OPERATION_NAMES.map((name) => [name, 0])) as Mix

/** Reads `boot=1,churn=4`; a string says what is wrong. Operations that are left out are not done. */
export function parseMix(text: string): Mix | string {
  const mix: Record<OperationName, number> = { ...NOTHING }
  const seen = new Set<string>()
  for (const part of text.split(',')) {
    const [name = '', weight = '', ...rest] = part.trim().split('=')
    if (!isName(name))
      return `${name || part}: no operation; there are ${OPERATION_NAMES.join(', ')}`
    const value = /^\d{1,7}(?:\.\d{1,3})?$/.test(weight) ? Number(weight) : Number.NaN
    if (rest.length > 0 || !(value <= weightMax)) return `${part}: expected NAME=WEIGHT`
    if (seen.has(name)) return `${name}: named twice`
    seen.add(name)
    mix[name] = value
  }
  return Object.values(mix).some((weight) => weight > 0) ? mix : 'every weight is 0'
}

const isName = (name: string): name is OperationName =>
  (OPERATION_NAMES as readonly string[]).includes(name)

/** Draws an operation. */
export function drawOperation(mix: Mix, random: Prng): OperationName {
  const total = OPERATION_NAMES.reduce((sum, name) => sum + mix[name], 0)
  let left = random.real() * total
  for (const name of OPERATION_NAMES) {
    left -= mix[name]
    if (left < 0) return name
  }
  return OPERATION_NAMES.findLast((name) => mix[name] > 0) ?? 'churn'
}
