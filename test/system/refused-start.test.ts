import t from 'tap'
import { UV_PROFILES } from '../../src/ultravisor/profile.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { perform } from './ops.ts'
import { lpidOf, World } from './world.ts'

const ESM = { op: 'esm', vm: 1, strategy: 'necessary' } as const

/** A VM whose switch fails for want of secure memory, and is tried again when there is some. */
function tryTwice(uv: (typeof UV_PROFILES)['spec']): World {
  const world = new World({ hv: HV_PROFILES.spec, uv, poolPages: 64, secureUnits: 1 })
  world.boot(lpidOf(1))
  perform(world, ESM, 0)
  world.machine.uv.availableUnits += 4
  perform(world, ESM, 1)
  return world
}

t.test('a switch that was refused at H_SVM_INIT_START can be tried again', async (t) => {
  const world = tryTwice(UV_PROFILES.spec)
  t.equal(world.machine.vm(lpidOf(1)).secureGuest, 3, 'the VM is secure')
})

t.test('the firmware keeps the half-made SVM, and no later switch begins', async (t) => {
  const world = tryTwice(UV_PROFILES.firmware)
  t.equal(world.machine.vm(lpidOf(1)).secureGuest, 0, 'the VM is still normal')
  t.equal(world.machine.uv.svms.size, 1, 'and its SVM still there')
})
