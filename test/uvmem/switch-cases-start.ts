/** What each switch of a profile changes, written out by hand: start, registration, hotplug. */
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { IN, REGISTER, type SwitchCase, started, two } from './switch-case.ts'

const { spec, 'linux-6': linux6 } = HV_PROFILES

export const START_CASES: readonly SwitchCase[] = [
  {
    name: 'startMarks',
    base: spec,
    options: { ...two, pool: 0 },
    line: 'init_start',
    seen: [
      ['last', '-67 | x,x n,. used  flags 0'],
      ['before-checks', '-67 | x,x n,. used  flags 1'],
    ],
  },
  {
    name: 'startAnswersRegistration',
    base: linux6,
    options: two,
    line: 'init_start !1',
    seen: [
      [false, `0 | ${REGISTER} | .,. n,. used  flags 1`],
      [true, `1 | ${REGISTER} | .,. n,. used  flags 1`],
    ],
  },
  {
    name: 'checksSvmEnabled',
    base: spec,
    options: { ...two, svmEnabled: false },
    line: 'init_start',
    seen: [
      [true, '-10 | x,x n,. used  flags 0'],
      [false, `0 | ${REGISTER} | .,. n,. used  flags 1`],
    ],
  },
  {
    name: 'startRollback',
    base: spec,
    options: { slots: '0:0+2 1:2+1' },
    line: 'init_start !0,-4',
    seen: [
      [
        'earlier-slots',
        `-4 | ${REGISTER}; UV_REGISTER_MEM_SLOT 1 0x20000+0x10000; ` +
          'UV_UNREGISTER_MEM_SLOT 0 | x,x/x n,./. used  flags 0',
      ],
      [
        'failing-slot',
        `-4 | ${REGISTER}; UV_REGISTER_MEM_SLOT 1 0x20000+0x10000; ` +
          'UV_UNREGISTER_MEM_SLOT 1 | .,./x n,./. used  flags 0',
      ],
      [
        'none',
        `-4 | ${REGISTER}; UV_REGISTER_MEM_SLOT 1 0x20000+0x10000 | .,./x n,./. used  flags 0`,
      ],
    ],
  },
  {
    name: 'mergingOff',
    base: spec,
    options: { ...two, after: ['ksm_fail 0 -12'] },
    line: 'init_start',
    seen: [
      ['per-slot', '-4 | x,x n,. used  flags 0'],
      ['per-page', `0 | ${REGISTER} | .,. n,. used  flags 1`],
    ],
  },
  {
    name: 'mergingOff',
    base: spec,
    options: { ...two, after: ['init_start', 'ksm_fail 0 -12'] },
    line: 'page_in 0',
    seen: [
      ['per-slot', `0 | ${IN} | U0,. d0,. used 0 flags 1`],
      ['per-page', '-4 | .,. n,. used  flags 1'],
    ],
  },
  {
    name: 'tracksShared',
    base: spec,
    options: started,
    line: 'share 0',
    seen: [
      [true, `0 | ${IN} | S,. n,. used  flags 1`],
      [false, `0 | ${IN} | .,. n,. used  flags 1`],
    ],
  },
  {
    name: 'tracksPagedOut',
    base: spec,
    options: { ...two, after: ['init_start', 'page_in 0'] },
    line: 'page_out 0',
    seen: [
      [true, '0 | UV_PAGE_OUT 0x0 to ra2 | M,. n,. used  flags 1'],
      [false, '0 | UV_PAGE_OUT 0x0 to ra2 | .,. n,. used  flags 1'],
    ],
  },
  {
    name: 'doneSecures',
    base: spec,
    options: started,
    line: 'init_done',
    seen: [
      ['nothing', '0 | .,. n,. used  flags 3'],
      ['locally', '0 | U0,U1 d0,d1 used 0,1 flags 3'],
      ['by-ultracall', `0 | ${IN}; UV_PAGE_IN ra2 to 0x10000 | U0,U1 d0,d1 used 0,1 flags 3`],
    ],
  },
  {
    name: 'hotplug',
    base: spec,
    options: started,
    line: 'add_slot 1:2+1',
    seen: [
      ['untold', '0 | .,./x n,./. used  flags 1'],
      ['registered', '0 | UV_REGISTER_MEM_SLOT 1 0x20000+0x10000 | .,./. n,./. used  flags 1'],
      ['secured', '0 | UV_REGISTER_MEM_SLOT 1 0x20000+0x10000 | .,./U0 n,./d0 used 0 flags 1'],
    ],
  },
  {
    name: 'hotplugChecks',
    base: linux6,
    options: started,
    line: 'add_slot 1:2+1 !-4',
    seen: [
      [true, '0 | UV_REGISTER_MEM_SLOT 1 0x20000+0x10000 | .,./x n,./. used  flags 1'],
      [false, '0 | UV_REGISTER_MEM_SLOT 1 0x20000+0x10000 | .,./. n,./. used  flags 1'],
    ],
  },
  {
    name: 'hotplugUndone',
    base: spec,
    options: { ...started, pool: 1, after: ['init_start', 'page_in 0'] },
    line: 'add_slot 1:2+1',
    seen: [
      [
        true,
        '-22 | UV_REGISTER_MEM_SLOT 1 0x20000+0x10000; UV_UNREGISTER_MEM_SLOT 1 | ' +
          'U0,. d0,. used 0 flags 1',
      ],
      [false, '0 | UV_REGISTER_MEM_SLOT 1 0x20000+0x10000 | U0,./. d0,./. used 0 flags 1'],
    ],
  },
  {
    name: 'flushDrops',
    base: spec,
    options: { ...two, after: ['init_start', 'page_in 0'] },
    line: 'flush_slot 0',
    seen: [
      [true, '0 | .,. n,. used  flags 1'],
      [false, '0 | U0,. d0,. used 0 flags 1'],
    ],
  },
  {
    name: 'securesUntracked',
    base: linux6,
    options: { slots: '0:0+1 1:1+1', after: ['init_start !0,-4'] },
    line: 'init_done',
    seen: [
      [false, '0 | U0/x d0/. used 0 flags 3'],
      [true, '0 | U0/x d0/d1 used 0,1 flags 3'],
    ],
  },
]
