/** Life of a GFN and life of a VM: the two tables of hv.md section 1, walked cell by cell. */
import t from 'tap'
import { FRAME_LIFE, type FrameEvent, type FrameState } from '../../src/uvmem/frame-state.ts'
import { VM_LIFE, type VmEvent, vmStateOf } from '../../src/uvmem/vm-state.ts'
import { World } from './world.ts'

/** How GFN 0 gets into a state after H_SVM_INIT_START. */
const WAY: Readonly<Record<FrameState, readonly string[]>> = {
  normal: [],
  secure: ['page_in 0'],
  paged_out: ['page_in 0', 'page_out 0'],
  shared: ['share 0'],
}

const LETTER: Readonly<Record<FrameState, string>> = {
  normal: '.',
  secure: 'U',
  paged_out: 'M',
  shared: 'S',
}

/** Written out from the documentation's table; "secure" there has two backings here. */
const LIFE: Readonly<Record<FrameState, Readonly<Record<FrameEvent, FrameState>>>> = {
  normal: { share: 'shared', unshare: 'secure', abort: 'normal', 'init-done': 'secure' },
  secure: { share: 'shared', unshare: 'secure', abort: 'normal', 'init-done': 'secure' },
  paged_out: { share: 'shared', unshare: 'secure', abort: 'normal', 'init-done': 'paged_out' },
  shared: { share: 'shared', unshare: 'secure', abort: 'normal', 'init-done': 'shared' },
}

/** The calls that stand for an event; each must lead to the same state. */
const EVENTS: Readonly<Record<FrameEvent, readonly string[]>> = {
  share: ['share 0'],
  unshare: ['page_in 0'],
  abort: ['init_abort', 'svm_off'],
  'init-done': ['init_done'],
}

const STATES = ['normal', 'secure', 'paged_out', 'shared'] as const
const FRAME_EVENTS = ['share', 'unshare', 'abort', 'init-done'] as const

for (const profile of ['linux-6', 'series-v3'] as const) {
  t.test(`life of a GFN, ${profile}`, async (t) => {
    for (const state of STATES) {
      for (const event of FRAME_EVENTS) {
        for (const line of EVENTS[event]) {
          const world = new World({ profile, touched: [0], after: ['init_start', ...WAY[state]] })
          t.equal(world.g[0], LETTER[state], `${state} is reached`)
          world.do(line)
          const want = LIFE[state][event]
          t.equal(world.g[0], LETTER[want], `${state} -> ${line} -> ${want}`)
          t.equal(FRAME_LIFE[state][event], want, 'and the table in the code says so')
        }
      }
    }
  })
}

t.test('life of a GFN, spec: the same, but abort and reset take the uvmem slot away', async (t) => {
  for (const state of STATES) {
    for (const event of FRAME_EVENTS) {
      for (const line of EVENTS[event]) {
        const after = ['init_start', ...WAY[state]]
        const world = new World({ profile: 'spec', touched: [0], after })
        world.do(line)
        const want = event === 'abort' ? 'x' : LETTER[LIFE[state][event]]
        t.equal(world.g[0], want, `${state} -> ${line} -> ${want}`)
        t.notOk(event === 'abort' && world.used !== '', 'and no PFN stays in use')
      }
    }
  }
})

t.test('linux-5.6 knows only secure and not secure', async (t) => {
  for (const [state, share, unshare, done] of [
    ['normal', '.', 'U', '.'],
    ['secure', '.', 'U', 'U'],
    ['paged_out', '.', 'U', '.'],
    ['shared', '.', 'U', '.'],
  ] as const) {
    for (const [line, want] of [
      ['share 0', share],
      ['page_in 0', unshare],
      ['init_done', done],
    ] as const) {
      const after = ['init_start', ...WAY[state]]
      const world = new World({ profile: 'linux-5.6', touched: [0], after })
      world.do(line)
      t.equal(world.g[0], want, `${state} -> ${line}`)
    }
  }
})

// --- The VM ---

const VM_WAY = {
  normal: [],
  transient: ['init_start'],
  secure: ['init_start', 'init_done'],
} as const

const VM_LINES: Readonly<Record<VmEvent, string>> = {
  'init-start': 'init_start',
  'init-done': 'init_done',
  'init-abort': 'init_abort',
  terminate: 'svm_off',
}

/** State, event, state afterwards, and the code of a call that the guarded profile answers. */
const VM_ROWS = [
  ['normal', 'init-start', 'transient', 0],
  ['normal', 'init-done', 'error', -67],
  ['normal', 'init-abort', 'error', -67],
  ['normal', 'terminate', 'normal', 0],
  ['transient', 'init-start', 'error', -75],
  ['transient', 'init-done', 'secure', 0],
  ['transient', 'init-abort', 'normal', -4],
  ['transient', 'terminate', 'normal', 0],
  ['secure', 'init-start', 'error', -75],
  ['secure', 'init-done', 'error', -75],
  ['secure', 'init-abort', 'error', -75],
  ['secure', 'terminate', 'normal', 0],
] as const

t.test('life of a VM, spec: an error changes nothing and asks nobody', async (t) => {
  for (const [state, event, want, code] of VM_ROWS) {
    const world = new World({ profile: 'spec', after: [...VM_WAY[state]] })
    const before = world.all
    const { ret, calls } = world.do(VM_LINES[event])
    const row = `${state}, ${event}`
    t.equal(VM_LIFE[state][event], want, `${row}: the table in the code`)
    t.equal(ret, code, `${row}: the code`)
    t.equal(vmStateOf(world.flags), want === 'error' ? state : want, `${row}: the state`)
    if (want === 'error') t.same([world.all, calls], [before, []], `${row}: nothing else`)
  }
})

t.test('life of a VM, linux-6: what should be an error is not always one', async (t) => {
  const rows = [
    ['normal', 'init_done', 'normal', -67],
    ['normal', 'init_abort', 'normal', -67],
    ['transient', 'init_start', 'transient', 0],
    ['secure', 'init_start', 'transient', 0],
    ['secure', 'init_done', 'secure', 0],
    ['secure', 'init_abort', 'secure', -75],
  ] as const
  for (const [state, line, want, code] of rows) {
    const world = new World({ after: [...VM_WAY[state]] })
    t.equal(world.do(line).ret, code, `${state}, ${line}: the code`)
    t.equal(vmStateOf(world.flags), want, `${state}, ${line}: the state`)
  }
})
