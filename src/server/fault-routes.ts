/** Handlers: fault rules. */
import { faultRulesMax } from '../../schemas/faults.ts'
import type { FaultEntry } from '../hv/faults.ts'
import { FAULT_PRESETS, type FaultPreset } from '../hv/faults-presets.ts'
import type { Handlers } from './handler.ts'
import { Problem, problem } from './problem.ts'

const faultUnknown = (id: string): Problem =>
  problem('fault-unknown', `There is no fault rule ${id}.`)

const full = (): Problem =>
  new Problem('limit-reached', {
    detail: `faultRulesMax allows ${faultRulesMax}.`,
    limit: 'faultRulesMax',
    max: faultRulesMax,
  })

const presetOf = (name: string): FaultPreset | undefined =>
  Object.hasOwn(FAULT_PRESETS, name) ? FAULT_PRESETS[name as keyof typeof FAULT_PRESETS] : undefined

const entryOf = (list: readonly FaultEntry[], id: string): FaultEntry | undefined =>
  list.find((each) => each.id === id)

export const FAULT_HANDLERS: Handlers<
  | 'listFaults'
  | 'addFault'
  | 'removeFaults'
  | 'getFault'
  | 'removeFault'
  | 'listFaultPresets'
  | 'addFaultPreset'
> = {
  listFaults: ({ inspected }) => ({ rules: [...inspected.faults.list()] }),
  addFault: ({ inspected }, { body }) => inspected.faults.add(body) ?? full(),
  removeFaults: ({ inspected: { faults } }) => {
    const rules = [...faults.list()]
    faults.clear()
    return { rules }
  },
  getFault: ({ inspected }, { path: { id } }) =>
    entryOf(inspected.faults.list(), id) ?? faultUnknown(id),
  removeFault: ({ inspected: { faults } }, { path: { id } }) => {
    const entry = entryOf(faults.list(), id)
    if (entry === undefined) return faultUnknown(id)
    faults.remove(id)
    return entry
  },
  listFaultPresets: () => ({
    presets: Object.entries<FaultPreset>(FAULT_PRESETS).map(([name, { about, rules }]) => {
      return { name, about, rules: [...rules] }
    }),
  }),
  addFaultPreset: ({ inspected: { faults } }, { path: { name } }) => {
    const preset = presetOf(name)
    if (preset === undefined) return problem('preset-unknown', `There is no preset ${name}.`)
    if (faults.size + preset.rules.length > faultRulesMax) return full()
    return { rules: preset.rules.flatMap((rule) => faults.add(rule) ?? []) }
  },
}
