/** Each switch of a profile studied alone: the profile beside it differs in that switch only. */
import t from 'tap'
import { asFrame, asGfn } from '../../src/abi/page.ts'
import { HV_PROFILES, type HvProfile } from '../../src/uvmem/profile.ts'
import { unmap } from '../../src/uvmem/vmm/touch.ts'
import type { SwitchCase } from './switch-case.ts'
import { PAGE_CASES } from './switch-cases-pages.ts'
import { START_CASES } from './switch-cases-start.ts'
import { World } from './world.ts'

const SWITCH_CASES = [...START_CASES, ...PAGE_CASES]

function look(base: HvProfile, { name, options, line }: SwitchCase, value: unknown): string {
  const world = new World({ touched: [0], ...options, profile: { ...base, [name]: value } })
  const { ret, calls, fault } = world.do(line)
  const state = `${world.g} ${world.h} used ${world.used} flags ${world.flags}`
  return [ret, fault ?? '', calls.join('; '), state].filter((part) => part !== '').join(' | ')
}

for (const each of SWITCH_CASES) {
  t.test(`the switch ${each.name} alone, at ${each.line}`, async (t) => {
    for (const [value, seen] of each.seen) t.equal(look(each.base, each, value), seen, `${value}`)
  })
}

t.test('the switch pageInReadsSwap alone: a page that the host has reclaimed', async (t) => {
  for (const [pageInReadsSwap, ret, g] of [
    [true, 0, 'U0,.,.,.'],
    [false, -4, '.,.,.,.'],
  ] as const) {
    const world = new World({ profile: { ...HV_PROFILES['linux-6'], pageInReadsSwap } })
    world.do('touch 0')
    world.host.ram.write(asFrame(1), 7n)
    unmap(world.host, world.vm(), asGfn(0), 'reclaim').next()
    t.equal(world.vm().slots.at(asGfn(0))?.region.swap.get(0), 7n, 'its content is kept')
    world.do('init_start')
    const told = world.do('page_in 0')
    t.equal(told.ret, ret, `${pageInReadsSwap}: the code`)
    t.equal(world.g, g, `${pageInReadsSwap}: the states`)
    t.equal(told.calls.length, pageInReadsSwap ? 1 : 0, `${pageInReadsSwap}: the ultracalls`)
  }
})

t.test('no switch is left out', async (t) => {
  const studied = new Set<string>([...SWITCH_CASES.map(({ name }) => name), 'pageInReadsSwap'])
  const missing = Object.keys(HV_PROFILES.spec).filter((name) => !studied.has(name))
  t.same(missing, [], 'every switch has a case')
})
