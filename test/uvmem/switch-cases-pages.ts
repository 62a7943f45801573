/** What each switch of a profile changes, written out by hand: pages, flushes, ends. */
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { IN, REGISTER, type SwitchCase, started, two } from './switch-case.ts'

const { spec, 'linux-6': linux6 } = HV_PROFILES

export const PAGE_CASES: readonly SwitchCase[] = [
  {
    name: 'flushResets',
    base: linux6,
    options: { ...two, after: ['init_start', 'share 0', 'page_in 1', 'page_out 1'] },
    line: 'flush_slot 0',
    seen: [
      [true, '0 | .,. n,n used  flags 1'],
      [false, '0 | S,M n,n used  flags 1'],
    ],
  },
  {
    name: 'drops',
    base: linux6,
    options: { ...two, after: ['init_start', 'page_in 0'] },
    line: 'remove_slot 0 keep',
    seen: [
      ['by-migration', '0 | UV_UNREGISTER_MEM_SLOT 0 |   used  flags 1'],
      ['by-fault', '0 | UV_UNREGISTER_MEM_SLOT 0 |   used 0 flags 1'],
      ['never', '0 | UV_UNREGISTER_MEM_SLOT 0 |   used 0 flags 1'],
    ],
  },
  {
    name: 'failsOnUcall',
    base: spec,
    options: started,
    line: 'page_in 0 !-4',
    seen: [
      [true, `-4 | ${IN} | .,. n,. used  flags 1`],
      [false, `0 | ${IN} | U0,. d0,. used 0 flags 1`],
    ],
  },
  {
    name: 'undoesPageIn',
    base: spec,
    options: started,
    line: 'page_in 0 !-4',
    seen: [
      [true, `-4 | ${IN} | .,. n,. used  flags 1`],
      [false, `-4 | ${IN} | U0,. n,. used 0 flags 1`],
    ],
  },
  {
    name: 'hasAbort',
    base: spec,
    options: started,
    line: 'init_abort',
    seen: [
      [true, '-4 | UV_SVM_TERMINATE | x,x n,. used  flags 0'],
      [false, '2 | .,. n,. used  flags 1'],
    ],
  },
  {
    name: 'hasSvmOff',
    base: spec,
    options: started,
    line: 'svm_off',
    seen: [
      [true, '0 | UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE | x,x n,. used  flags 0'],
      [false, '-25 | .,. n,. used  flags 1'],
    ],
  },
  {
    name: 'migratesDevicePages',
    base: linux6,
    options: { ...two, after: ['init_start', 'page_in 0', 'init_start'] },
    line: 'page_in 0',
    seen: [
      [false, '-4 | .,. d0,. used 0 flags 1'],
      [true, '0 | UV_PAGE_IN ra268435456 to 0x0 | M,. d1,. used 1 flags 1'],
    ],
  },
  {
    name: 'guardsVmLife',
    base: spec,
    options: { ...two, after: ['init_start', 'init_done'] },
    line: 'init_done',
    seen: [
      [true, '-75 | U0,U1 d0,d1 used 0,1 flags 3'],
      [false, '0 | U0,U1 d0,d1 used 0,1 flags 3'],
    ],
  },
  {
    name: 'freesUvmemSlots',
    base: spec,
    options: started,
    line: 'init_abort',
    seen: [
      [true, '-4 | UV_SVM_TERMINATE | x,x n,. used  flags 0'],
      [false, '-4 | UV_SVM_TERMINATE | .,. n,. used  flags 0'],
    ],
  },
  {
    name: 'shareKeepsUntilAgreed',
    base: spec,
    options: { ...two, after: ['init_start', 'page_in 0'] },
    line: 'share 0 !-4',
    seen: [
      [true, '-4 | UV_PAGE_IN ra2 to 0x0 | U0,. d0,. used 0 flags 1'],
      [false, '-4 | UV_PAGE_IN ra2 to 0x0 | M,. n,. used  flags 1'],
    ],
  },
  {
    name: 'dropMarksExpire',
    base: linux6,
    options: { ...two, after: ['init_start', 'page_in 0', 'flush_slot 0 oom'] },
    line: 'page_out 0',
    seen: [
      [true, '0 | UV_PAGE_OUT 0x0 to ra2 | M,. n,. used  flags 1'],
      [false, '0 | .,. n,. used  flags 1'],
    ],
  },
  {
    name: 'unmapPagesOut',
    base: spec,
    options: { ...two, after: ['init_start', 'page_in 0'] },
    line: 'unmap 0',
    seen: [
      [true, '0 | UV_PAGE_OUT 0x0 to ra2 | M,. .,. used  flags 1'],
      [false, '0 | M,. .,. used  flags 1'],
    ],
  },
  {
    name: 'detectsStaleMarks',
    base: linux6,
    options: { ...two, after: ['init_start', 'page_in 0', 'init_start'] },
    line: 'touch 0',
    seen: [
      [true, '-7 | .,. d0,. used 0 flags 1'],
      [false, '-1 | LIVELOCK | .,. d0,. used 0 flags 1'],
    ],
  },
  {
    name: 'strictRegistration',
    base: spec,
    options: two,
    line: 'init_start !1',
    seen: [
      [true, `-4 | ${REGISTER} | x,x n,. used  flags 0`],
      [false, `0 | ${REGISTER} | .,. n,. used  flags 1`],
    ],
  },
]
