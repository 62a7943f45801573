/** Long operations let others run: none of them keeps a server for as long as a big VM takes. */
import t from 'tap'
import { asGfn, asLpid, asSlotId } from '../../src/abi/page.ts'
import { hypercall } from '../../src/uvmem/dispatch.ts'
import { type HvSteps, newHost } from '../../src/uvmem/host.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { createVm, svmOff } from '../../src/uvmem/vmm/life.ts'

/** Pages of a VM of 64 GiB. */
const PAGES = 1_048_576

/** How often an operation lets others run; ultracalls are answered with success. */
function turnsOf(steps: HvSteps): number {
  let turns = 0
  let step = steps.next(0)
  for (; step.done !== true; step = steps.next(0)) if (step.value.call === 'RESCHED') turns++
  t.equal(step.value, 0)
  return turns
}

t.test('a switch and a reset of a big VM let others run every 131,072 frames', async (t) => {
  const host = newHost({ profile: HV_PROFILES['linux-6'], poolSize: PAGES })
  const lpid = asLpid(1)
  const slots = [{ id: asSlotId(0), base: asGfn(0), pages: PAGES }]
  const vm = createVm(host, { lpid, radix: true, svmEnabled: true, slots })
  if (vm === undefined) throw new Error('there is a VM')
  t.equal(turnsOf(hypercall(host, vm, { call: 'H_SVM_INIT_START', lpid })), 0)
  t.equal(turnsOf(hypercall(host, vm, { call: 'H_SVM_INIT_DONE', lpid })), 8)
  t.equal(host.devices.available, 0, 'all frames are secure')
  t.equal(turnsOf(svmOff(host, vm)), 8)
  t.equal(host.devices.available, PAGES, 'and none any more')
})
