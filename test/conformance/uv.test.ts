/** The replay of an ultravisor's recording notices whatever is wrong in it. */
import t from 'tap'
import { replayUvTrace } from '../../src/lab/recordings/uv-replay.ts'
import type { UvStep, UvTrace } from '../../src/lab/recordings/uv-trace.ts'

const done = { hcall_script: [], ret: 0, ret_name: 'U_SUCCESS', hcalls: [] }
const create: UvStep = {
  op: { op: 'create', lpid: 1 },
  ...done,
  state: { avail: 3, 'svm1.state': 0, 'svm1.rsv': 0, 'svm1.slots': '' },
}
const register: UvStep = {
  op: { op: 'register', lpid: 1, start_gpa: 2_621_440, nbytes: 196_608, flags: 0, slotid: 5 },
  ...done,
  state: {
    avail: 2,
    'svm1.rsv': 1,
    'svm1.slots': '5:40+3',
    'svm1.s5.g': '0,0,0',
    'svm1.s5.p': 's,s,s',
  },
}
const commit: UvStep = {
  op: { op: 'commit', lpid: 1 },
  ...done,
  state: { avail: 3, 'svm1.state': 1 },
}
const script = { ret: 0, nested: [{ op: 'page_in', hv_page: 6_553_600 }] } as const
const share: UvStep = {
  op: { op: 'share', lpid: 1, gfn: 42, npages: 1, type: 0 },
  ...done,
  hcall_script: [script],
  hcalls: [
    {
      name: 'H_SVM_PAGE_IN',
      args: [2_752_512, 1, 16],
      ret: 0,
      nested: [{ name: 'uv_page_in', args: [1, 6_553_600, 2_752_512, 0, 16], ret: 0 }],
    },
  ],
  state: { 'svm1.s5.g': '0,0,2', 'svm1.s5.p': 's,s,h100' },
}
const pageOut: UvStep = {
  op: { op: 'page_out', lpid: 1, hv_page: 6_422_528, gpa: 2_621_440, flags: 0, order: 16 },
  ...done,
  state: { 'svm1.s5.g': '1,0,2', 'svm1.s5.p': 's!,s,h100' },
}
const steps = [create, register, commit, share, pageOut]
const LIFE: UvTrace = { id: 'life', variant: 'uv', pool: 4, steps }

t.test('a recording that is right agrees', async (t) => {
  t.same(replayUvTrace(LIFE), { id: 'life', steps: 5, agreed: 5, disagreements: [] })
})

const state = (key: string, value: string | number | null) => ({
  what: key,
  step: { ...share, state: { ...share.state, [key]: value } },
})

/** The share changed in one way, and what differs then. */
const WRONG: readonly { readonly what: string; readonly step: UvStep }[] = [
  { what: 'code', step: { ...share, ret: -4, ret_name: 'U_PARAMETER' } },
  { what: 'calls', step: { ...share, hcalls: [] } },
  { what: 'badfree', step: { ...share, badfree: 1 } },
  { what: 'fault', step: { ...share, fault: { kind: 'OOPS', msg: 'there is none' } } },
  state('avail', 2),
  state('svm1.state', 0),
  state('svm1.state', null),
  state('svm1.rsv', 2),
  state('svm1.slots', '5:40+4'),
  state('svm1.slots', '4:40+3'),
  state('svm1.s5.g', '0,0,4'),
  state('svm1.s5.g', '0,0'),
  state('svm1.s5.g', null),
  state('svm1.s5.p', 's,s,H100'),
  state('svm1.s5.p', 's,s,h101'),
  state('svm1.s5.p', 's,s,h100!'),
  state('svm1.s5.p', 's,s!,h100'),
  state('svm1.s5.p', 's,s,s'),
  state('svm1.s5.p', 's,-,h100'),
  state('svm1.ext', '7:2'),
  state('svm2.state', 0),
]

t.test('a recording that is wrong in one place is reported there', async (t) => {
  for (const { what, step } of WRONG) {
    const trace = { ...LIFE, steps: [create, register, commit, step] }
    const { disagreements, agreed } = replayUvTrace(trace)
    t.equal(agreed, 3, `${what}: the steps before it agree`)
    t.equal(disagreements[0]?.what, what, `${what}: it is named`)
    t.equal(disagreements[0]?.step, 3, `${what}: its step`)
  }
})
