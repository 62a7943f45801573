/** When the event loop is kept awake, and when it is not. */
import t from 'tap'
import { BusyPoll, busyPollMsMax } from '../../src/peer/busy-poll.ts'

/** A poll with a clock and turns of its own. */
function world() {
  let now = 1_000
  let next: (() => void) | undefined
  const poll = new BusyPoll({
    now: () => now,
    again: (run) => {
      next = run
    },
  })
  return {
    /** A message comes so many milliseconds later. */
    hear: (laterMs: number) => {
      now += laterMs
      poll.heard()
    },
    /** Another turn of the event loop, so many milliseconds later; false when nothing asked for one. */
    turn: (laterMs: number): boolean => {
      now += laterMs
      const run = next
      next = undefined
      run?.()
      return run !== undefined
    },
  }
}

t.equal(busyPollMsMax, 0.3)

t.test('one message alone keeps nobody awake', async (t) => {
  const { hear, turn } = world()
  hear(0)
  t.equal(turn(0.01), false)
  hear(5)
  t.equal(turn(0.01), false, 'nor does one long after it')
})

t.test(
  'messages that follow each other keep it awake until none has come for a moment',
  async (t) => {
    const { hear, turn } = world()
    hear(0)
    hear(0.2)
    t.equal(turn(0.1), true)
    t.equal(turn(0.1), true)
    hear(0.05)
    t.equal(turn(0.2), true, 'the moment begins anew with each message')
    t.equal(turn(0.2), true, 'it looks once more, finds that the moment is over')
    t.equal(turn(0.1), false, 'and sleeps')
  },
)

t.test('a gap shorter than the moment counts, and a longer one does not', async (t) => {
  const { hear, turn } = world()
  hear(0)
  hear(0.25)
  hear(0.25)
  t.equal(turn(0), true)
  const other = world()
  other.hear(0)
  other.hear(0.31)
  t.equal(other.turn(0), false)
})

t.test('only one turn is asked for, however many messages come', async (t) => {
  const { hear, turn } = world()
  for (let i = 0; i < 10; i++) hear(0.01)
  t.equal(turn(0.01), true)
  for (let i = 0; i < 4; i++) t.equal(turn(0.1), i < 3)
})

t.test('who finds that others need the processor leaves it to them for a while', async (t) => {
  const { hear, turn } = world()
  hear(0)
  hear(0.1)
  t.equal(turn(0.1), true)
  t.equal(turn(1.2), true, 'this look came late: somebody else has run')
  t.equal(turn(0), false)
  hear(0.1)
  hear(0.1)
  t.equal(turn(0.1), false, 'messages do not change that at once')
  hear(10)
  hear(0.1)
  t.equal(turn(0.1), true, 'but they do after a rest')
})

t.test('a long turn of our own, in which messages were served, is nobody else', async (t) => {
  const { hear, turn } = world()
  hear(0)
  hear(0.1)
  t.equal(turn(0.1), true)
  hear(2)
  t.equal(turn(0.1), true)
  t.equal(turn(0.1), true, 'it goes on')
})

t.test(
  'it rests longer each time that it finds others, and shorter when it finds nobody',
  async (t) => {
    const { hear, turn } = world()
    /** Whether two messages keep it awake so many milliseconds later. */
    const polls = (laterMs: number): boolean => {
      hear(laterMs)
      hear(0.1)
      return turn(0.1)
    }
    t.equal(polls(0), true)
    t.equal(turn(1.5), true, 'others have run: it rests for 10 milliseconds')
    t.equal(polls(9), false)
    t.equal(polls(1), true)
    t.equal(turn(1.5), true, 'and again: 20')
    t.equal(polls(11), false)
    t.equal(polls(9), true)
    t.equal(turn(0.5), true, 'nobody was there, and no message came')
    t.equal(turn(0), false)
    t.equal(polls(0), true, 'that is no reason to rest')
    t.equal(turn(1.5), true, 'others once more: 20 instead of 40')
    t.equal(polls(19), false)
    t.equal(polls(1), true)
  },
)
