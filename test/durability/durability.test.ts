import t from 'tap'
import { buildProgram } from '../built-program.ts'
import { runKills } from './kill-run.ts'

t.setTimeout(600_000)

t.test('100 kills under load, and nothing that was acknowledged is lost', async (t) => {
  const seed = 20_261
  const program = buildProgram()
  const result = await runKills({ program, kills: 100, servers: 3, seed })
  t.same(result.wrong, [], `seed ${seed}`)
  t.equal(result.kills, 100)
  t.ok(result.acknowledged > 300, `${result.acknowledged} acknowledged calls`)
  t.comment(`ready again after ${result.startMs.median} ms, ${result.startMs.max} at most`)
})
