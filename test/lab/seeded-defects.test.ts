import t from 'tap'
import { worldNamed } from '../../src/lab/check/check-world.ts'
import { newSetup } from '../../src/lab/check/live.ts'
import { Search } from '../../src/lab/check/search.ts'
import { present } from '../../src/lib/assert.ts'
import { UV_PROFILES } from '../../src/ultravisor/profile.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { DOUBLES } from './doubles.ts'
import { SEEDED_DEFECTS } from './seeded-defects.ts'

/** States within which each defect must show. */
const statesMax = 20_000

t.test('every seeded defect is found', async (t) => {
  t.ok(SEEDED_DEFECTS.length >= 30, `${SEEDED_DEFECTS.length} defects`)
  t.equal(new Set(SEEDED_DEFECTS.map(({ name }) => name)).size, SEEDED_DEFECTS.length)
  for (const { name, hv, uv, double, world, breaks } of SEEDED_DEFECTS) {
    const setup = newSetup(
      present(worldNamed(world), world),
      { ...HV_PROFILES.spec, ...hv },
      { ...UV_PROFILES.spec, ...uv },
      'necessary',
      double === undefined ? undefined : DOUBLES[double],
    )
    const search = new Search(setup, { statesMax, bytesMax: 1e9, findingsMax: 1 })
    const { findings, states } = search.run()
    t.equal(findings[0]?.id, breaks, `${name}: in world ${world}, ${states} states`)
  }
})
