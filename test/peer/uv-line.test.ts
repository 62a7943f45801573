/** A client's line: when it connects again, how long it waits, and when it gives up. */
import t from 'tap'
import { BACKOFF, backoffMs } from '../../src/peer/uv-backoff.ts'
import { UvLine } from '../../src/peer/uv-line.ts'
import { begun, World } from './line-world.ts'

t.test('a connection that breaks is mended, and the session goes on', async (t) => {
  const { world, first } = begun()
  world.end(first)
  t.same([world.line.state, world.detached, world.dialled.length], ['resuming', 1, 0])
  await world.pass()
  t.same(world.told, ['resuming', 'connected'])
  t.same(world.whys, ['ended with 1006', 'the session goes on'])
  t.equal(world.line.state, 'connected')
  t.same(world.terminated, [])
  t.equal(world.timers, 0, 'nothing is left to do')
  world.end(first)
  t.equal(world.line.state, 'connected', 'what the old connection says does not count')
})

t.test('it waits longer each time, and gives up when the time is over', async (t) => {
  const { world, first } = begun(1_000)
  world.reachable = false
  world.end(first)
  while (world.line.state === 'resuming') await world.pass()
  t.same(world.waits, [10, 20, 40, 80, 100, 100, 100, 100, 100, 100, 100, 100])
  t.ok(world.now <= 1_000)
  t.same(world.told.at(-1), 'lost')
  t.match(world.endings, [
    {
      code: 1_006,
      sentence:
        'ended with 1006; the session could not be resumed within 1000 ms: connect ECONNREFUSED',
    },
  ])
})

t.test('a refusal is final: nobody asks again', async (t) => {
  const { world, first } = begun()
  world.answer = 'no'
  world.end(first)
  await world.pass()
  t.equal(world.line.state, 'lost')
  t.equal(world.dialled.length, 1)
  t.equal(world.terminated.length, 1, 'and the connection does not stay')
  t.equal(world.timers, 0)
  t.match(world.endings, [{ sentence: /^ended with 1006; the session is not resumed: .*No such/ }])
})

t.test('what says nothing to SESSION_OPEN is cut, and tried again', async (t) => {
  const { world, first } = begun(60_000)
  world.answer = undefined
  world.end(first)
  await world.pass()
  t.equal(world.terminated.length, 0)
  await world.pass()
  t.equal(world.terminated.length, 1, 'after ten seconds')
  t.equal(world.now, 10_010)
})

t.test('only a break is mended: a goodbye, a fence or a reset is the end', async (t) => {
  for (const [code, goesOn] of [
    [1_006, true],
    [4_002, true],
    [4_003, true],
    [1_012, true],
    [4_008, true],
    [4_009, true],
    [1_000, false],
    [1_001, false],
    [1_011, false],
    [4_001, false],
    [4_006, false],
    [4_007, false],
  ] as const) {
    const { world, first } = begun()
    world.end(first, code)
    t.equal(world.line.state, goesOn ? 'resuming' : 'lost', String(code))
    t.equal(world.endings.length, goesOn ? 0 : 1, String(code))
  }
})

t.test('without time, without a session, or after close nothing is tried', async (t) => {
  const none = begun(0)
  none.world.end(none.first)
  t.equal(none.world.line.state, 'lost')
  t.same([none.world.told, none.world.detached], [['lost ended with 1006', 'lost'], 0])
  const fresh = begun()
  fresh.world.hasSession = false
  fresh.world.end(fresh.first)
  t.equal(fresh.world.line.state, 'lost')
  const closed = begun()
  closed.world.end(closed.first)
  closed.world.line.close()
  t.equal(closed.world.timers, 0)
  t.equal(closed.world.line.state, 'lost')
})

t.test('the last try may begin at the very end of the time, and not after it', async (t) => {
  for (const [resumeMsMax, tries] of [
    [69, 2],
    [70, 3],
  ] as const) {
    const { world, first } = begun(resumeMsMax)
    world.reachable = false
    world.end(first)
    while (world.line.state === 'resuming') await world.pass()
    t.equal(world.dialled.length, tries, `10 + 20 + 40 of ${resumeMsMax} ms`)
  }
  const { world, first } = begun(9)
  world.end(first)
  t.equal(world.line.state, 'lost', 'there is no time for one')
  t.same(world.dialled, [])
  const sentence = 'ended with 1006; the session could not be resumed within 9 ms'
  t.same(world.told, ['resuming', `lost ${sentence}`, 'lost'])
  t.equal(world.whys.at(-1), sentence)
  t.match(world.endings, [{ code: 1_006, sentence }])
})

t.test('whatever connecting throws is told as it is', async (t) => {
  const { world, first } = begun(10)
  world.reachable = false
  world.failure = 'no route'
  world.end(first)
  await world.pass()
  t.match(world.whys.at(-1), /within 10 ms: no route$/)
})

t.test('an attempt that breaks is tried again, one that is refused is not', async (t) => {
  const { world, first } = begun()
  world.answer = 'broken'
  world.end(first)
  await world.pass()
  t.equal(world.line.state, 'resuming')
  world.answer = 'yes'
  await world.pass()
  t.same([world.line.state, world.dialled.length], ['connected', 2])
  t.equal(world.timers, 0, 'no clock of an attempt is left')
})

t.test('without a session to go on with it tries again, and gives up in the end', async (t) => {
  const { world, first } = begun(40)
  world.end(first)
  world.hasSession = false
  while (world.line.state === 'resuming') await world.pass()
  t.match(world.whys.at(-1), /within 40 ms: this client has no session to resume$/)
  t.equal(world.dialled.length, 2)
  t.equal(world.terminated.length, 2, 'no connection is left of that')
})

t.test('what comes on a connection is for the attempt on it, and its end is its own', async (t) => {
  const { world, first } = begun()
  world.answer = undefined
  world.end(first)
  world.isPrompt = false
  await world.pass()
  const [heard] = world.dialled
  heard?.receive('too soon')
  t.doesNotThrow(() => heard?.ended({ code: 1_006, sentence: 'broken at once' }))
  t.same(world.heard, [], 'there is no attempt yet')
  world.connected()
  for (let n = 0; n < 10; n++) await Promise.resolve()
  heard?.receive('x')
  t.same(world.heard, ['receive x'])
  heard?.failed(new Error('mine'))
  t.equal(world.told.at(-1), 'lost this client failed: Error: mine')
  heard?.ended({ code: 1_006, sentence: 'broken' })
  t.same(world.heard, ['receive x', 'end broken'])
  t.equal(world.line.state, 'resuming', 'it was not the one that counts')
})

t.test('the connection that the session goes on over is the one that counts', async (t) => {
  const { world, first } = begun()
  world.end(first)
  await world.pass()
  const [heard] = world.dialled
  heard?.ended({ code: 1_006, sentence: 'broken again' })
  t.same([world.line.state, world.detached], ['resuming', 2])
  await world.pass()
  t.equal(world.line.state, 'connected')
  world.line.cut()
  t.equal(world.terminated.length, 1)
  t.not(world.terminated[0], first)
})

t.test('a client that closes while it connects leaves no connection behind', async (t) => {
  const { world, first } = begun()
  world.isPrompt = false
  world.end(first)
  await world.pass()
  world.line.close()
  t.equal(world.line.state, 'lost')
  world.connected()
  for (let n = 0; n < 10; n++) await Promise.resolve()
  t.same(world.told, ['resuming'], 'it does not go on, and tells nobody')
  t.equal(world.line.state, 'lost')
  t.equal(world.terminated.length, 1)
  t.same(world.heard, [])
  t.equal(world.timers, 0)
})

t.test('a client that closes while it is asked for its session cuts the connection', async (t) => {
  const { world, first } = begun()
  let answer: () => void = () => undefined
  world.asked = (resolve) => {
    answer = resolve
  }
  world.end(first)
  await world.pass()
  world.line.close()
  answer()
  for (let n = 0; n < 10; n++) await Promise.resolve()
  t.same([world.terminated.length, world.line.state], [1, 'lost'])
  t.same(world.told, ['resuming'])
})

t.test(
  'a client that closes while it is connected stays so until the connection ends',
  async (t) => {
    const { world, first } = begun()
    t.equal(world.line.state, 'connected')
    world.line.close()
    t.equal(world.line.state, 'connected')
    world.end(first)
    t.same([world.line.state, world.detached, world.timers], ['lost', 0, 0])
    t.same(world.told, ['lost ended with 1006', 'lost'])
    t.match(world.endings, [{ code: 1_006, sentence: 'ended with 1006' }])
  },
)

t.test('without a connection there is nothing to cut, and no end of one', async (t) => {
  const world = new World(1_000)
  t.doesNotThrow(() => world.line.cut())
  world.line.ended(undefined, { code: 1_006, sentence: '' })
  t.same([world.line.state, world.told], ['connected', []])
})

t.test('how long it waits is its own choice when nobody makes another', async (t) => {
  const waits: number[] = []
  const line = new UvLine(
    {
      ...{ connect: () => Promise.reject(new Error('no')), hasSession: () => true },
      ...{ attempt: () => undefined, detached: () => undefined, lost: () => undefined },
      ...{ told: () => undefined, now: () => 0, random: () => 0.5 },
      after: (ms) => {
        waits.push(ms)
        return () => undefined
      },
    },
    { resumeMsMax: 30_000 },
  )
  const transport = new World(0).transport()
  line.begin(transport)
  line.ended(transport, { code: 1_006, sentence: '' })
  t.same(waits, [25], 'half of 50 ms')
  line.begin(transport)
  t.doesNotThrow(() => line.ended(transport, { code: 1_000, sentence: '' }), 'nobody is told')
  t.equal(line.state, 'lost')
})

t.test(
  'waits are by chance: the first from nothing, the others from half of their highest',
  async (t) => {
    t.equal(backoffMs(BACKOFF, 0, 0), 0)
    t.equal(backoffMs(BACKOFF, 0, 1), 50)
    t.equal(backoffMs(BACKOFF, 1, 0), 50)
    t.equal(backoffMs(BACKOFF, 1, 1), 100)
    t.equal(backoffMs(BACKOFF, 5, 0), 800)
    t.equal(backoffMs(BACKOFF, 6, 1), 2_000, 'no more than the highest')
    t.equal(backoffMs(BACKOFF, 1_000, 1), 2_000)
  },
)
