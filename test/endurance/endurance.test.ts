/** How a server bears load, for long and too much of it, and how it ends under it. */
import t from 'tap'
import { buildProgram } from '../built-program.ts'
import { runKills, termMsMax } from '../durability/kill-run.ts'
import { flood, goodputMin } from './flood.ts'
import { heapGrowthMax, soak } from './soak.ts'

t.setTimeout(600_000)
const SEED = 20_262
/** Worlds beside each other: together they are used for 60 seconds. */
const WORLDS = 3
const SECONDS = 20

t.test('60 seconds of use, in three servers at once, leave nothing behind', async (t) => {
  const wishes = Array.from({ length: WORLDS }, (_, i) => SEED + i)
  const results = await Promise.all(
    wishes.map((seed) => soak({ seconds: SECONDS, seed, restMs: 20 })),
  )
  let seconds = 0
  for (const { wrong, done, visits, heap, ...result } of results) {
    t.same(wrong, [], 'nothing is wrong, and nothing is left')
    t.ok(heap.last <= heap.first * heapGrowthMax, `heap: ${heap.first}, then ${heap.last}`)
    t.ok(done > 50 && visits > 5, `${done} calls, ${visits} visits`)
    seconds += result.seconds
  }
  t.equal(seconds, 60)
})

t.test('three times what it can do: bounded, each call answered, quick again', async (t) => {
  for (const isPaced of [false, true]) {
    const result = await flood({ clients: 8, seconds: 1, isPaced })
    t.same(result.wrong, [])
    t.ok(result.offered > 2.9 * result.capacity, 'three times as much was asked for')
    t.ok(result.sent > 1_000, `${result.sent} calls`)
    t.equal(result.answered + result.refused, result.sent, 'none is lost, none answered twice')
    t.ok(result.most.queueLongest > 32, 'it was too much: queues grew beyond what clients had open')
    if (!isPaced) continue
    t.ok(result.goodputBest >= goodputMin, `${result.goodputBest} of the capacity gets done`)
    t.equal(result.refused, 0, 'and nobody is refused')
  }
})

t.test('20 times SIGTERM under load: it ends in time, and nothing is lost', async (t) => {
  const wish = {
    program: buildProgram(),
    kills: 20,
    servers: 4,
    seed: SEED,
    termEvery: 1,
  }
  const { kills, acknowledged, termsMs, wrong } = await runKills(wish)
  t.same(wrong, [])
  t.equal(kills, 20)
  t.equal(termsMs.length, 20, 'each was a SIGTERM')
  t.ok(acknowledged > 60, `${acknowledged} acknowledged calls`)
  const longest = termsMs.at(-1) ?? 0
  t.ok(longest < termMsMax, `${Math.round(longest)} ms at most`)
})
