import t from 'tap'
import { UV_PROFILES } from '../../src/ultravisor/profile.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { defects, leave, play } from './play.ts'
import { census, nameOf, search, tell } from './search.ts'

const seed = Number(process.env['UVMEM_TEST_SEED'] ?? Date.now() % 2 ** 31)

t.test('documented behaviour on both sides never disagrees, leaks or loses', async (t) => {
  t.comment(
    `seed ${seed}: UVMEM_TEST_SEED=${seed} repeats it; npm run agreement plays 1,000,000 steps`,
  )
  const { steps, shortest } = search({
    hv: HV_PROFILES.spec,
    uv: UV_PROFILES.spec,
    seed,
    steps: 20_000,
  })
  t.equal(shortest === undefined ? '' : tell(shortest).join('\n'), '', 'nothing goes wrong')
  t.ok(steps >= 20_000, `${steps} steps were played`)
})

t.test('whatever goes wrong between the real sides needs a known defect', async (t) => {
  t.comment(`seed ${seed}`)
  const { findings, byDefects, unexplained } = census({
    hv: HV_PROFILES['linux-6'],
    uv: UV_PROFILES.firmware,
    seed,
    steps: 5_000,
  })
  t.equal(unexplained === undefined ? '' : tell(unexplained).join('\n'), '', 'no unknown defect')
  t.ok(
    findings > 0 && byDefects.size > 0,
    `${findings} findings: ${[...byDefects.keys()].join('; ')}`,
  )
})

t.test('a secure page that the host reclaims is lost in linux-6 alone', async (t) => {
  const ops = [
    { op: 'boot', vm: 1 },
    { op: 'esm', vm: 1, strategy: 'necessary' },
    { op: 'store', vm: 1, gfn: 15 },
    { op: 'reclaim', vm: 1, gfn: 15 },
  ] as const
  const world = { poolPages: 64, secureUnits: 64, ops }
  t.same(play({ hv: HV_PROFILES['linux-6'], uv: UV_PROFILES.firmware, ...world }), {
    step: 3,
    what: 'I2: VM 1 GFN 15: HV paged_out, UV SECURE',
  })
  t.equal(play({ hv: HV_PROFILES.spec, uv: UV_PROFILES.firmware, ...world }), undefined)
})

t.test('a single defect among documented behaviour is what its name says', async (t) => {
  const defect = defects().find((each) => nameOf([each]) === 'hv.unmapPagesOut')
  t.ok(defect, 'the defect is known')
  if (defect === undefined) return
  const { hv, uv } = leave(defect)
  t.equal(hv.unmapPagesOut, false, 'the defect is there')
  t.equal(hv.freesUvmemSlots, true, 'no other defect of the hypervisor is')
  t.same(uv, UV_PROFILES.spec, 'and none of the ultravisor')
})
