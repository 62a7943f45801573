import t from 'tap'
import { disagreementsOf, type StateRun } from '../../src/peer/frame-agreement.ts'

/** `secure 0-3` is a run of three frames from 0 on. */
const runs = (...texts: string[]): StateRun[] =>
  texts.map((text) => {
    const [state = '', range = ''] = text.split(' ')
    const [from = 0, end = 0] = range.split('-').map(Number)
    return { from, count: end - from, state }
  })

t.test('frames agree state by state, however the runs are cut', async (t) => {
  const hv = runs('secure 0-10', 'shared 10-14', 'paged_out 14-15', 'secure 20-30')
  const uv = runs('SECURE 0-4', 'SECURE 4-10', 'SHARED 10-12', 'PSEUDO_SHARED_INV 12-14')
  const rest = runs('PAGEDOUT 14-15', 'SECURE 20-30')
  t.same(disagreementsOf(hv, [...uv, ...rest]), [])
  t.same(disagreementsOf([], []), [])
})

t.test('each frame on which they differ is named, with both states', async (t) => {
  const cases = [
    { why: 'a state', hv: ['secure 0-10'], uv: ['SECURE 0-3', 'PAGEDOUT 3-5', 'SECURE 5-10'] },
    { why: 'a stray normal frame', hv: ['normal 0-2', 'secure 2-4'], uv: ['SECURE 0-4'] },
    { why: 'a slot only here', hv: ['secure 0-2', 'secure 8-9'], uv: ['SECURE 0-2'] },
    { why: 'a slot only there', hv: ['secure 4-6'], uv: ['SECURE 0-2', 'SECURE 4-6'] },
    { why: 'a frame between two answers', hv: ['shared 0-1'], uv: ['HV_SHARED 0-1'] },
  ]
  const expected = [
    [{ from: 3, count: 2, hv: 'secure', uv: 'PAGEDOUT' }],
    [{ from: 0, count: 2, hv: 'normal', uv: 'SECURE' }],
    [{ from: 8, count: 1, hv: 'secure', uv: 'none' }],
    [{ from: 0, count: 2, hv: 'none', uv: 'SECURE' }],
    [{ from: 0, count: 1, hv: 'shared', uv: 'HV_SHARED' }],
  ]
  for (const [i, { why, hv, uv }] of cases.entries()) {
    t.same(disagreementsOf(runs(...hv), runs(...uv)), expected[i], why)
  }
})
