/**
 * Ready-made rules for the races and failures that the linuxppc-dev thread and the recordings are
 * about. `about` says what one sees.
 */
import type { FaultRule } from '../../schemas/faults.ts'
import { H, U } from '../abi/codes.ts'

export interface FaultPreset {
  readonly about: string
  readonly rules: readonly FaultRule[]
}

const answer = (code: number) => ({ do: 'answer', code }) as const
const delay = (ms: number) => ({ do: 'delay', ms }) as const

export const FAULT_PRESETS = {
  'page-in-refused': {
    about:
      'The ultravisor refuses one UV_PAGE_IN. linux-6 loses the device PFN and calls the frame secure for ever; spec gives both back.',
    rules: [{ call: 'UV_PAGE_IN', nth: 1, action: answer(U.PARAMETER) }],
  },
  'slot-refused': {
    about:
      'The second memory slot is refused in H_SVM_INIT_START. linux-6 unregisters the failing slot once for each earlier one, never those.',
    rules: [{ call: 'UV_REGISTER_MEM_SLOT', nth: 2, action: answer(U.PARAMETER) }],
  },
  'slot-busy': {
    about:
      'UV_REGISTER_MEM_SLOT answers U_BUSY (1), which Linux takes for success: the ultravisor does not know the slot.',
    rules: [{ call: 'UV_REGISTER_MEM_SLOT', nth: 1, action: answer(U.BUSY) }],
  },
  'page-out-during-switch': {
    about:
      'Hypercalls that end the switch come late, so that pages can be paged out between H_SVM_INIT_START and H_SVM_INIT_DONE: what version 1 of the series got wrong.',
    rules: [{ call: 'H_SVM_INIT_DONE', action: delay(1_000) }],
  },
  'page-in-late': {
    about:
      'The ultravisor takes long over UV_PAGE_IN: everything else for that VM waits, as under uvmem_lock; other VMs go on.',
    rules: [{ call: 'UV_PAGE_IN', action: delay(100) }],
  },
  'share-refused': {
    about:
      'Sharing is refused by the hypervisor: the ultravisor reverts the frames it has shared so far.',
    rules: [{ call: 'H_SVM_PAGE_IN', every: 2, action: answer(H.PARAMETER) }],
  },
  'page-in-storm': {
    about:
      'The first three tries to bring a paged-out page back fail, as when another thread pages it out again: the ultravisor tries four times.',
    rules: [{ call: 'H_SVM_PAGE_IN', times: 3, action: answer(H.PARAMETER) }],
  },
  'pool-empty-at-done': {
    about:
      'Secure memory runs out in H_SVM_INIT_DONE: H_STATE; what was secured stays, the VM stays in transition.',
    rules: [{ call: 'H_SVM_INIT_DONE', times: 1, action: { do: 'exhaust-pool' } }],
  },
  'pool-empty-at-page-in': {
    about: 'No device PFN is free for one H_SVM_PAGE_IN: H_PARAMETER, and nothing is asked.',
    rules: [{ call: 'H_SVM_PAGE_IN', times: 1, action: { do: 'exhaust-pool' } }],
  },
  'page-out-refused': {
    about:
      'The ultravisor refuses every UV_PAGE_OUT: host accesses get SIGBUS, and an abort leaves the pages where they are.',
    rules: [{ call: 'UV_PAGE_OUT', action: answer(U.PARAMETER) }],
  },
  'terminate-refused': {
    about:
      'UV_SVM_TERMINATE fails: the reset ioctl answers EINVAL, its flags stay, and a reboot finds a VM that is half secure.',
    rules: [{ call: 'UV_SVM_TERMINATE', times: 1, action: answer(U.RETRY) }],
  },
  'done-answer-lost': {
    about:
      'H_SVM_INIT_DONE has its effect and its answer is lost with the connection: secure for the hypervisor, in transition for the ultravisor.',
    rules: [{ call: 'H_SVM_INIT_DONE', times: 1, action: { do: 'cut', when: 'after' } }],
  },
  'crash-in-start': {
    about:
      'The ultravisor is lost while its memory slots are registered: H_SVM_INIT_START fails and the VM is an orphan.',
    rules: [{ call: 'UV_REGISTER_MEM_SLOT', nth: 1, action: { do: 'cut', when: 'before' } }],
  },
  'flaky-ultravisor': {
    about: 'One in a hundred UV_PAGE_IN and UV_PAGE_OUT fails, by chance but the same each time.',
    rules: [
      { call: 'UV_PAGE_IN', probability: 0.01, seed: 1, action: answer(U.PARAMETER) },
      { call: 'UV_PAGE_OUT', probability: 0.01, seed: 2, action: answer(U.PARAMETER) },
    ],
  },
} as const satisfies Readonly<Record<string, FaultPreset>>

export type FaultPresetName = keyof typeof FAULT_PRESETS
export const FAULT_PRESET_NAMES = Object.keys(FAULT_PRESETS) as readonly FaultPresetName[]
