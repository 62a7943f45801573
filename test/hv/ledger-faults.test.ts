import t from 'tap'
import { prng } from '../../src/lib/prng.ts'
import { foundOn, LedgerWorld } from './ledger-world.ts'
import { PowerDisk } from './power-disk.ts'

/** A run in which files take over from each other while numbers come. */
function play(world: LedgerWorld): void {
  for (let i = 0; i < 12; i++) {
    world.add(i)
    if (i % 2 === 0) world.turn(i % 3 === 0)
    if (i % 5 === 4) world.succeed()
    world.turn()
  }
  world.settle()
}

/** Numbers 1 to the one returned were acknowledged before the disk failed, or the world ended. */
function run(disk: PowerDisk): { readonly acknowledged: number; readonly added: number } {
  let world: LedgerWorld | undefined
  try {
    world = new LedgerWorld(disk)
    play(world)
  } catch (error) {
    if (!(error instanceof Error) || !/EIO|ENOSPC/.test(error.message)) throw error
  }
  return { acknowledged: world?.acknowledged ?? 0, added: world?.added ?? 0 }
}

const stepsOfAll = (): number => {
  const disk = new PowerDisk()
  run(disk)
  return disk.steps.length
}

t.test('whatever step the disk fails at, nothing acknowledged is lost', async (t) => {
  const steps = stepsOfAll()
  t.ok(steps > 40, `${steps} steps`)
  for (const why of ['EIO: the disk failed', 'ENOSPC: no space left on device']) {
    for (const stays of [true, false]) {
      for (let at = 0; at < steps; at++) {
        const disk = new PowerDisk()
        Object.assign(disk, { failsAt: at, stays, why })
        const { acknowledged, added } = run(disk)
        const found = foundOn(disk.afterKill())
        const ok = typeof found === 'number' && found >= acknowledged && found <= added
        if (!ok) t.fail(`${why}, step ${at}: ${found} of ${acknowledged} acknowledged`)
      }
    }
  }
})

t.test(
  'a disk that failed once is not asked again, and nobody is told anything is safe',
  async (t) => {
    const disk = new PowerDisk()
    const world = new LedgerWorld(disk)
    world.add()
    world.settle()
    disk.failsAt = disk.steps.length + 1
    disk.stays = false
    world.add()
    world.settle()
    t.match(world.failure, /EIO/)
    const { length } = disk.steps
    world.add()
    world.settle()
    t.equal(world.acknowledged, 1)
    t.equal(disk.steps.length, length, 'not one step more')
    t.match(world.writer.failure, /EIO/)
  },
)

t.test('a disk that takes half of what it is given is given the rest', async (t) => {
  const steps = stepsOfAll()
  for (let at = 0; at < steps; at++) {
    const disk = new PowerDisk()
    disk.shortAt = at
    const { acknowledged, added } = run(disk)
    if (acknowledged !== added) t.fail(`step ${at}`)
    if (foundOn(disk.afterKill()) !== added) t.fail(`step ${at}: ${foundOn(disk.afterKill())}`)
  }
  t.ok(steps > 40, `${steps} steps`)
})

t.test(
  'a loss of power at any step loses nothing acknowledged, whatever became of the rest',
  async (t) => {
    const steps = stepsOfAll()
    const seed = 31
    const random = prng(seed)
    let more = 0
    for (let at = 0; at < steps; at++) {
      for (let fate = 0; fate < 12; fate++) {
        const disk = new PowerDisk()
        disk.failsAt = at
        const { acknowledged, added } = run(disk)
        const after = disk.losePower(random)
        const found = foundOn(after)
        const ok = typeof found === 'number' && found >= acknowledged && found <= added
        if (!ok) t.fail(`seed ${seed}, step ${at}: ${found}, ${acknowledged} were acknowledged`)
        if (typeof found === 'number' && found > acknowledged) more++
        // What it found is the start of a run that is as safe.
        if (foundOn(after.afterKill()) !== found)
          t.fail(`seed ${seed}, step ${at}: found again otherwise`)
      }
    }
    t.ok(more > 10, `${more} times more was found than was acknowledged`)
  },
)
