/** Recordings written by hand, so that the replay itself is tested where the real ones are not there. */
import type { HvStep, HvTrace } from '../../src/lab/recordings/hv-trace.ts'

const create: HvStep = {
  op: {
    op: 'create',
    lpid: 1,
    svm_enabled: true,
    radix: true,
    slots: [{ id: 0, base: 0, npages: 3, touched: 1 }],
  },
  ucall_script: [],
  ret: 0,
  ret_name: '0',
  ucalls: [],
  state: {
    used: '',
    orphans: '',
    'vm1.sg': 0,
    'vm1.uv': '',
    'vm1.s0': '0+3',
    'vm1.s0.g': 'x,x,x',
    'vm1.s0.h': 'n,.,.',
  },
}

const initStart: HvStep = {
  op: { op: 'init_start', lpid: 1, msr_s: true },
  ucall_script: [],
  ret: 0,
  ret_name: 'H_SUCCESS',
  ucalls: [{ name: 'uv_register_mem_slot', args: [1, 0, 196_608, 0, 0], ret: 0 }],
  state: { 'vm1.sg': 1, 'vm1.uv': '0+3', 'vm1.s0.g': '.,.,.' },
}

const pageIn: HvStep = {
  op: { op: 'page_in', lpid: 1, gpa: 0, flags: 0, order: 16, msr_s: true },
  ucall_script: [],
  ret: 0,
  ret_name: 'H_SUCCESS',
  ucalls: [{ name: 'uv_page_in', args: [1, 65_536, 0, 0, 16], ret: 0 }],
  state: { used: '0', 'vm1.s0.g': 'U0,.,.', 'vm1.s0.h': 'd0,.,.' },
}

const pageInFails: HvStep = {
  ...pageIn,
  ucall_script: [-4],
  ret: -4,
  ret_name: 'H_PARAMETER',
  ucalls: [{ name: 'uv_page_in', args: [1, 65_536, 0, 0, 16], ret: -4 }],
  state: { used: '0', orphans: '0', 'vm1.s0.g': 'U0,.,.' },
}

const initDone: HvStep = {
  op: { op: 'init_done', lpid: 1, msr_s: true },
  ucall_script: [],
  ret: 0,
  ret_name: 'H_SUCCESS',
  ucalls: [],
  state: { used: '0,1,2', 'vm1.sg': 3, 'vm1.s0.g': 'U0,U1,U2', 'vm1.s0.h': 'd0,d1,d2' },
}

const destroy: HvStep = {
  op: { op: 'destroy', lpid: 1 },
  ucall_script: [],
  ret: 0,
  ret_name: '0',
  ucalls: [{ name: 'uv_svm_terminate', args: [1], ret: 0 }],
  state: {
    used: '',
    'vm1.sg': null,
    'vm1.uv': null,
    'vm1.s0': null,
    'vm1.s0.g': null,
    'vm1.s0.h': null,
  },
}

const shareHangs: HvStep = {
  op: { op: 'page_in', lpid: 1, gpa: 0, flags: 1, order: 16, msr_s: true },
  ucall_script: [],
  ucalls: [],
  fault: { kind: 'LIVELOCK', msg: 'share of a GFN whose mark is stale' },
}

const steps: readonly HvStep[] = [create, initStart, pageIn, initDone, destroy]

/** A whole life that agrees. */
export const LIFE: HvTrace = { id: 'life', variant: 'linux-6', pool: 4, steps }

/** A PFN leaks, and the share of its frame hangs the kernel. */
export const FAULT: HvTrace = {
  id: 'fault',
  variant: 'linux-6',
  pool: 4,
  steps: [create, initStart, pageInFails, shareHangs],
}

/** Step 2 of a life changed in one way: the replay must say so, and say where. */
export const WRONG: readonly { readonly what: string; readonly step: HvStep }[] = [
  { what: 'ret', step: { ...pageIn, ret: -4, ret_name: 'H_PARAMETER' } },
  { what: 'ucalls', step: { ...pageIn, ucalls: [] } },
  {
    what: 'ucalls',
    step: { ...pageIn, ucalls: [{ name: 'uv_page_in', args: [1, 65_536, 1, 0, 16], ret: 0 }] },
  },
  {
    what: 'ucalls',
    step: { ...pageIn, ucalls: [...pageIn.ucalls, ...destroy.ucalls] },
  },
  { what: 'used', step: { ...pageIn, state: { ...pageIn.state, used: '' } } },
  { what: 'used', step: { ...pageIn, state: { ...pageIn.state, used: '1' } } },
  { what: 'used', step: { ...pageIn, state: { ...pageIn.state, used: '0,1' } } },
  { what: 'orphans', step: { ...pageIn, state: { ...pageIn.state, orphans: '0' } } },
  { what: 'vm1.sg', step: { ...pageIn, state: { ...pageIn.state, 'vm1.sg': 3 } } },
  { what: 'vm1.sg', step: { ...pageIn, state: { ...pageIn.state, 'vm1.sg': null } } },
  { what: 'vm1.uv', step: { ...pageIn, state: { ...pageIn.state, 'vm1.uv': '0+3;0+3' } } },
  { what: 'vm1.s0', step: { ...pageIn, state: { ...pageIn.state, 'vm1.s0': '0+4' } } },
  { what: 'vm1.s0.g', step: { ...pageIn, state: { ...pageIn.state, 'vm1.s0.g': 'U1,.,.' } } },
  { what: 'vm1.s0.g', step: { ...pageIn, state: { ...pageIn.state, 'vm1.s0.g': 'U0,.' } } },
  { what: 'vm1.s0.g', step: { ...pageIn, state: { ...pageIn.state, 'vm1.s0.g': 'U0,S,.' } } },
  { what: 'vm1.s0.g', step: { ...pageIn, state: { ...pageIn.state, 'vm1.s0.g': 'U0,x,.' } } },
  { what: 'vm1.s0.h', step: { ...pageIn, state: { ...pageIn.state, 'vm1.s0.h': 'n,.,.' } } },
  { what: 'vm1.s0.h', step: { ...pageIn, state: { ...pageIn.state, 'vm1.s0.h': 'd0,n!,.' } } },
  { what: 'vm1.s0.h', step: { ...pageIn, state: { ...pageIn.state, 'vm1.s0.h': '-' } } },
  { what: 'vm1.s1.g', step: { ...pageIn, state: { ...pageIn.state, 'vm1.s1.g': '.' } } },
  { what: 'vm2.sg', step: { ...pageIn, state: { ...pageIn.state, 'vm2.sg': 0 } } },
  { what: 'fault', step: { ...pageIn, fault: { kind: 'OOPS', msg: 'there is none' } } },
]

/** The life with a step in place of its third one. */
export const lifeWith = (step: HvStep): HvTrace => ({
  ...LIFE,
  id: 'wrong',
  steps: [...steps.slice(0, 2), step, ...steps.slice(3)],
})
