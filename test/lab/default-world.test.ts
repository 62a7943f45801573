/** The default world of the checker, all of it: documented behaviour on both sides breaks nothing. */
import t from 'tap'
import { worldNamed } from '../../src/lab/check/check-world.ts'
import { newSetup } from '../../src/lab/check/live.ts'
import { Search } from '../../src/lab/check/search.ts'
import { present } from '../../src/lib/assert.ts'
import { UV_PROFILES } from '../../src/ultravisor/profile.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'

/** What it may cost. */
const cpuSecondsMax = 60

// Beside others that run at the same time it may take longer than a test usually may.
t.setTimeout(600_000)

t.test('spec with spec: every state of the default world is looked at', async (t) => {
  const world = present(worldNamed('default'), 'a world')
  const setup = newSetup(world, HV_PROFILES.spec, UV_PROFILES.spec, 'necessary')
  const before = process.cpuUsage()
  const result = new Search(setup, { statesMax: 2e6, bytesMax: 1e9, findingsMax: 1 }).run()
  const { user, system } = process.cpuUsage(before)
  const seconds = (user + system) / 1e6
  t.same(result.findings, [], 'nothing is found')
  t.equal(result.end, 'exhausted')
  t.same([result.states, result.transitions, result.depth], [594_467, 1_294_621, 60])
  t.ok(seconds < cpuSecondsMax, `${seconds.toFixed(1)} s of CPU time`)
})
