/** Sessions, whose VMs are whose, and how long a session waits for a connection. */
import t from 'tap'
import { asLpid } from '../../src/abi/page.ts'
import { type Session, Sessions, type UvLink } from '../../src/hv/session.ts'
import { Grace } from '../../src/hv/session-grace.ts'
import { digestOf, keyOf, sameDigest } from '../../src/hv/session-token.ts'

const LINK: UvLink = {
  call: () => undefined,
  end: () => undefined,
  givenUp: () => undefined,
}
const [ONE, TWO, THREE] = [asLpid(1), asLpid(2), asLpid(3)]

t.test('a session begins with nothing, and has a number that no other one had', async (t) => {
  const sessions = new Sessions()
  const first = sessions.open('mine', LINK, 5, 'secret')
  t.match(first, { serial: 1, id: 's1', name: 'mine', openedAt: 5, resumes: 0, attempt: 0 })
  t.equal(first.detachedAt, undefined)
  t.same([...first.lpids], [])
  sessions.close(first)
  t.equal(sessions.open('mine', LINK, 6, 'secret').id, 's2')
  t.equal(sessions.opened, 2)
})

t.test('after one that was written down numbers go on above it, and never fall', async (t) => {
  const sessions = new Sessions()
  sessions.restore(7, 'late', LINK, 0, digestOf('seven'))
  sessions.restore(4, 'early', LINK, 0, digestOf('four'))
  t.equal(sessions.opened, 7)
  t.equal(sessions.open('new', LINK, 0, 'eight').id, 's8')
  t.same(
    [...sessions.list()].map(({ id }) => id),
    ['s7', 's4', 's8'],
  )
  t.equal(sessions.withToken('seven')?.id, 's7')
  t.equal(sessions.size, 3)
})

t.test('a token finds its own session until that is given up, and nothing else does', async (t) => {
  const sessions = new Sessions()
  const first = sessions.open('one', LINK, 0, 'alpha')
  const second = sessions.open('two', LINK, 0, 'beta')
  t.equal(sessions.withToken('alpha'), first)
  t.equal(sessions.withToken('beta'), second)
  for (const wrong of ['', 'Alpha', 'alph', 'alphaa', keyOf(first.digest), 's1']) {
    t.equal(sessions.withToken(wrong), undefined, wrong)
  }
  t.notMatch(JSON.stringify([...sessions.list()]), 'alpha', 'nobody keeps it')
  sessions.close(first)
  t.equal(sessions.withToken('alpha'), undefined)
  t.same([sessions.has(first), sessions.has(second)], [false, true])
})

t.test('digests of different lengths differ, whatever they begin with', async (t) => {
  const digest = digestOf('alpha')
  t.equal(digest.length, 32)
  t.equal(keyOf(digest), '8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8')
  t.equal(sameDigest(digest, digestOf('alpha')), true)
  t.equal(sameDigest(digest, digestOf('beta')), false)
  t.equal(sameDigest(digest, digest.subarray(0, 31)), false)
  t.equal(sameDigest(digest.subarray(0, 0), digest), false)
})

t.test('an LPID has one owner at most, and none after it was let go', async (t) => {
  const sessions = new Sessions()
  const first = sessions.open('one', LINK, 0, 'alpha')
  const second = sessions.open('two', LINK, 0, 'beta')
  sessions.own(first, ONE)
  sessions.own(first, TWO)
  sessions.own(second, THREE)
  t.equal(sessions.ownerOf(ONE), first)
  sessions.disown(ONE)
  t.equal(sessions.ownerOf(ONE), undefined)
  t.same([...first.lpids], [TWO])
  t.doesNotThrow(() => sessions.disown(ONE), 'it is nobody’s already')
  t.same(sessions.close(first), [TWO], 'what it leaves behind')
  t.equal(sessions.ownerOf(TWO), undefined)
  t.equal(sessions.ownerOf(THREE), second, 'what is another one’s stays so')
  t.same([...first.lpids], [])
})

/** A clock by hand. */
function clock() {
  const timers: { readonly at: number; readonly run: () => void }[] = []
  const state = { now: 1_000, timers }
  const after = (ms: number, run: () => void): (() => void) => {
    const timer = { at: state.now + ms, run }
    timers.push(timer)
    return () => {
      const at = timers.indexOf(timer)
      if (at >= 0) timers.splice(at, 1)
    }
  }
  const pass = (ms: number): void => {
    state.now += ms
    for (const timer of timers.splice(0)) {
      if (timer.at <= state.now) timer.run()
      else timers.push(timer)
    }
  }
  return { state, pass, ports: { now: () => state.now, after } }
}

function waiting() {
  const { state, pass, ports } = clock()
  const sessions = new Sessions()
  const grace = new Grace(100, ports)
  const over: string[] = []
  const begin = (session: Session): void => grace.begin(session, () => over.push(session.id))
  const open = (): Session => sessions.open('x', LINK, 0, String(sessions.opened))
  return { state, pass, grace, over, begin, open }
}

t.test('a session without a connection is given up when its time is over, once', async (t) => {
  const { state, pass, grace, over, begin, open } = waiting()
  const session = open()
  t.equal(grace.left(session), undefined, 'it has a connection')
  begin(session)
  t.equal(session.detachedAt, 1_000)
  t.same([grace.size, grace.left(session)], [1, 100])
  pass(99)
  t.same([grace.size, grace.left(session), over], [1, 1, []])
  pass(1)
  t.same([grace.size, over], [0, ['s1']])
  t.equal(grace.left(session), 0)
  state.now += 50
  t.equal(grace.left(session), 0, 'and never less than nothing')
  pass(1_000)
  t.same(over, ['s1'])
})

t.test(
  'who is back in time is not given up; another break has all of the time again',
  async (t) => {
    const { state, pass, grace, over, begin, open } = waiting()
    const session = open()
    begin(session)
    pass(60)
    grace.end(session)
    t.same([grace.size, session.detachedAt, state.timers.length], [0, undefined, 0])
    pass(1_000)
    t.same(over, [])
    begin(session)
    pass(60)
    begin(session)
    t.same([grace.size, state.timers.length], [1, 1], 'one clock runs for it')
    pass(60)
    t.same(over, [])
    t.equal(grace.left(session), 40)
    pass(40)
    t.same(over, ['s1'])
    t.doesNotThrow(() => grace.end(session), 'nothing runs any more')
  },
)

t.test('the shortest time is that of who waits longest', async (t) => {
  const { pass, grace, over, begin, open } = waiting()
  t.equal(grace.shortest(), undefined, 'nobody waits')
  const [first, second] = [open(), open()]
  begin(first)
  pass(30)
  begin(second)
  t.equal(grace.shortest(), 70)
  t.equal(grace.left(second), 100)
  begin(first)
  t.equal(grace.shortest(), 100)
  pass(10)
  grace.end(first)
  t.equal(grace.shortest(), 90)
  pass(90)
  t.same(over, ['s2'])
  t.equal(grace.shortest(), undefined)
})
