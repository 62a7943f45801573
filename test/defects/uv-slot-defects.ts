/** Known defects of the ultravisor firmware: memory slots. */
import type { UvDefect } from './defect.ts'

export const UV_SLOT_DEFECTS: readonly UvDefect[] = [
  {
    id: 'uv.registerAnswersParameter',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['registerAnswersParameter'],
    what: 'UV_REGISTER_MEM_SLOT answers every refusal with U_PARAMETER, and ignores unknown flags.',
    where: 'create_memslot() and its caller',
    consequence:
      'A hypervisor cannot tell what was wrong, and never learns that a flag is unknown.',
    marks: ['src/ultravisor/slot-calls.ts'],
    world: { slots: '0:0+1', shows: 'uv', given: ['secure'] },
    story: `
      UV_REGISTER_MEM_SLOT 600:32+1
        - U_PARAMETER
        + U_P5
      UV_REGISTER_MEM_SLOT 1:0+1
        - U_PARAMETER
        + U_P2
      UV_REGISTER_MEM_SLOT 1:32+1 flags 1
        - U_SUCCESS
        - UV free units: 62
        - UV slots: 1:32+1, 0:0+1
        + U_P4
    `,
    differs: 'The documented U_P5, U_P2 and U_P4 are U_PARAMETER or even success.',
  },
  {
    id: 'uv.roundsSlotSize',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['roundsSlotSize'],
    what: 'A registered size that is not whole pages is rounded up instead of refused.',
    where: 'create_memslot(), SVM_BYTES_TO_PAGES()',
    consequence: 'The two sides hold the slot for different sizes.',
    marks: ['src/ultravisor/slot-calls.ts'],
    world: { slots: '0:0+1', watch: [32], shows: 'uv', given: ['secure'] },
    story: `
      UV_REGISTER_MEM_SLOT 1:32+1 bytes 100
        - U_SUCCESS
        - UV free units: 62
        - UV slots: 1:32+1, 0:0+1
        - UV GFN 32: SECURE, own page
        + U_PARAMETER
    `,
    differs: 'A slot of 100 bytes becomes one of a whole page.',
  },
  {
    id: 'uv.replaceKeepsOldSlot',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['replaceKeepsOldSlot'],
    what: 'Registering a slot id again keeps the pages, states and budget of the old slot.',
    where: 'create_memslot()',
    consequence: 'Pages stay mapped outside all slots, and secure memory is taken for both.',
    marks: ['src/ultravisor/slot-calls.ts'],
    world: {
      slots: '0:0+1 1:64+1',
      watch: [0, 32],
      shows: 'uv',
      given: ['secure', 'UV_SHARE_PAGE 0 1'],
    },
    story: `
      UV_REGISTER_MEM_SLOT 0:32+1
        = U_SUCCESS
        = UV slots: 1:64+1, 0:32+1
        = UV GFN 32: SECURE, own page
        - UV free units: 61
        + UV GFN 0: SHARED, no page
    `,
    differs: 'GFN 0 is in no slot any more, and still shared and mapped.',
  },
  {
    id: 'uv.crashesOnUnknownLpid',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['crashesOnUnknownLpid'],
    what: 'Register and unregister for an LPID without SVM dereference NULL.',
    where: 'create_memslot(), free_memslot()',
    consequence: 'One call of a hypervisor takes the ultravisor down.',
    marks: ['src/ultravisor/slot-calls.ts'],
    world: { slots: '0:0+1', shows: 'uv' },
    story: `
      UV_UNREGISTER_MEM_SLOT 0
        - never returns: OOPS
        + U_PARAMETER
    `,
    differs: 'A crash instead of U_PARAMETER.',
  },
  {
    id: 'uv.keepsSlotBudget',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['keepsSlotBudget'],
    what: 'The budget of a slot comes back only when the SVM ends.',
    where: 'free_memslot()',
    consequence: 'Memory plugged in and out again and again uses the secure memory up.',
    marks: ['src/ultravisor/slot-calls.ts'],
    world: { slots: '0:0+1', watch: [], units: 2, shows: 'uv', given: ['secure'] },
    story: `
      UV_REGISTER_MEM_SLOT 1:32+1
        = U_SUCCESS
        = UV free units: 0
        = UV slots: 1:32+1, 0:0+1
      UV_UNREGISTER_MEM_SLOT 1
        = U_SUCCESS
        = UV slots: 0:0+1
        + UV free units: 1
      UV_REGISTER_MEM_SLOT 1:32+1
        - U_PARAMETER
        + U_SUCCESS
        + UV free units: 0
        + UV slots: 1:32+1, 0:0+1
    `,
    differs: 'The same memory cannot be plugged in a second time.',
  },
  {
    id: 'uv.releasesTableRoughly',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['releasesTableRoughly'],
    what: 'The release of a slot walks round the end of each 2 MiB table to its start.',
    where: 'release_page_range()',
    consequence:
      'The mapping of a neighbouring slot goes, and pages of the released one stay mapped.',
    marks: ['src/ultravisor/slot-calls.ts', 'src/ultravisor/page-release.ts'],
    world: {
      slots: '0:32+8 1:40+33',
      pool: 64,
      watch: [32, 64],
      shows: 'uv',
      given: ['secure', 'store 32 7'],
    },
    story: `
      UV_UNREGISTER_MEM_SLOT 1
        = U_SUCCESS
        = UV slots: 0:32+8
        - UV GFN 32: SECURE, no page
        + UV GFN 64: SECURE, no page
      load 32
        - never returns: LIVELOCK
        + reads 7
    `,
    differs: 'GFN 32 is in another slot: its page is gone, and the guest hangs on it.',
  },
  {
    id: 'uv.last-slot',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['releasesTableRoughly'],
    what: 'With one slot left, unregistering any id, even an unknown one, frees the page table.',
    where: 'free_memslot()',
    consequence: 'The next call for this SVM crashes the ultravisor.',
    marks: ['src/ultravisor/slot-calls.ts'],
    world: { slots: '0:0+1', shows: 'uv', given: ['secure'] },
    story: `
      UV_UNREGISTER_MEM_SLOT 9
        = U_SUCCESS
        - UV page table: gone
        - UV GFN 0: SECURE, no page
      H_SVM_PAGE_OUT 0
        - H_PARAMETER
        - HV asks UV_PAGE_OUT 0: U_STATE
        + H_SUCCESS
        + HV asks UV_PAGE_OUT 0: U_SUCCESS
        + UV GFN 0: PAGEDOUT, own page, not present
    `,
    differs: 'An unregister that had nothing to do takes the whole page table away.',
  },
  {
    id: 'uv.releaseReachesNextFrame',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['releaseReachesNextFrame'],
    what: 'The release of a slot also secures the first frame behind it.',
    where: 'secure_page_table_entries()',
    consequence:
      'A shared frame of the next slot silently becomes SECURE; its HV knows nothing of it.',
    marks: ['src/ultravisor/page-release.ts'],
    world: {
      slots: '0:0+1 1:1+1 2:32+1',
      watch: [0, 1],
      given: ['secure', 'UV_SHARE_PAGE 1 1'],
    },
    story: `
      UV_UNREGISTER_MEM_SLOT 0
        = U_SUCCESS
        = UV slots: 2:32+1, 1:1+1
        = UV GFN 0: SECURE, no page
        - UV GFN 1: SECURE, own page
    `,
    differs: 'GFN 1 belongs to another slot, and is no longer shared.',
  },
]
