/** Why mutants of the hypervisor's core live (see reasons.ts). */
import type { Lines } from './reasons.ts'

const FRAME_ZERO = 'frame 0 is never handed out, and no failure is 0'
const SAVES_TIME = 'only saves time: without notes there is none to take away'
const REFUSED =
  'only saves time: the first wrong field refuses the whole snapshot, whatever is made of the rest'
const BACKED = 'a secure frame is in a memory slot and in a uvmem slot'

export const HYPERVISOR: Lines = {
  'src/uvmem/dispatch.ts': [
    ["call.call === 'H_SVM_PAGE_IN'", 'false', 'only saves time: the table has the call as well'],
    ["'H_SVM_PAGE_IN'", '""', 'only saves time: the table has the call as well'],
  ],
  'src/uvmem/snapshot-read-vm.ts': [
    ['kind !== undefined', 'true', REFUSED],
    ['field.fault === undefined', 'true', REFUSED],
  ],
  'src/uvmem/snapshot-read.ts': [
    ['root.fault === undefined', 'true', REFUSED],
    ['root.fault !== undefined', 'false', REFUSED],
    ["'spec'", '""', REFUSED],
  ],
  'src/uvmem/snapshot.ts': [
    ['notes.size === 0', 'false', 'only saves time: without notes none is of a page of its own'],
    ["!('page' in entry)", 'true', 'a single page that is not its own has no part that is'],
    ["'page'", '""', 'a single page that is not its own has no part that is'],
    ['isSecureWord(run.word)', 'true', 'a word without a PFN names no page in use'],
  ],
  'src/uvmem/invariants.ts': [
    ['[]', '["Stryker was here"]', 'a pin that is no number of a frame is in no run'],
    [
      '[...new Set(pinned)].map((start) => ({ start, count: 1 })).sort(byStart)',
      '[...new Set(pinned)].map(start => ({ start, count: 1 }))',
      'at worst a pinned frame is taken for one that is not mapped, and held twice is held',
    ],
  ],
  'src/uvmem/invariants-vm.ts': [
    ['word !== undefined', 'true', 'undefined is no secure word: only the type does not know'],
  ],
  'src/uvmem/secure-rest.ts': [
    ['run.word === NO_PTE', 'true', 'only saves time: one by one comes to the same'],
    ['++turns', '--turns', 'every so many steps, in whichever direction they are counted'],
    ['frame <= 0', 'frame < 0', FRAME_ZERO],
    ['count === 0', 'false', 'nothing is done to no frames'],
  ],
  'src/uvmem/profile.ts': [
    ["'registered'", '""', 'one of three: what is neither of the two others'],
    ["'by-fault'", '""', 'one of three: what is neither of the two others'],
    ["'earlier-slots'", '""', 'one of three: what is neither of the two others'],
  ],
  'src/uvmem/device-pages.ts': [
    ['pfn < 0', 'false', 'what is available can be taken: it has been asked a line before'],
    ['this.#notes.size > 0', ['true', 'this.#notes.size >= 0'], SAVES_TIME],
  ],
  'src/uvmem/drop-pages.ts': [
    [
      'gfn - uvmem.base',
      'gfn + uvmem.base',
      'only saves time: another frame has another page, and what does not fit goes one by one',
    ],
    [
      'gfn - slot.base',
      'gfn + slot.base',
      'only saves time: another frame has another page, and what does not fit goes one by one',
    ],

    [
      'devices.notes().size > 0',
      'false',
      'a page that is mapped where its state is has no other address noted, and its marks go with it',
    ],

    ['++turns', '--turns', 'every so many steps, in whichever direction they are counted'],
    [
      'run.step === 0',
      ['true', 'false', 'run.step !== 0'],
      'states that rise are normal, shared and paged out, and all become normal at a stroke or one by one',
    ],
    ['uvmem === undefined', 'false', BACKED],
    ['first === undefined', 'false', 'the count is 0 then, and nothing is done to no frames'],
  ],
  'src/uvmem/hcalls/init-start.ts': [
    [
      "profile.startMarks === 'last'",
      'true',
      'the profiles that mark the VM before all checks have marked it by then',
    ],
  ],
  'src/uvmem/hcalls/page-in.ts': [
    [
      'region.swap.size > 0 && region.swap.has(index)',
      'region.swap.size > 0 || region.swap.has(index)',
      'a page that is not in swap is brought in already: to bring it in again changes nothing',
    ],
    [
      'region.swap.size > 0',
      ['true', 'region.swap.size >= 0'],
      'only saves time: an empty set has no page',
    ],
    ['gpa !== gpaOf(gfn)', 'true', 'only saves memory: without a note the GPA is that of the GFN'],
  ],
  'src/uvmem/hcalls/share.ts': [
    ['frame <= 0', 'frame < 0', FRAME_ZERO],
    [
      '!markForDrop(host, vm, gfn)',
      'false',
      'a mark on a free PFN has ended the call before the page fault; a fault frees no PFN and keeps the mark',
    ],
  ],
  'src/uvmem/host-ram.ts': [
    ['offset === 0', 'true', 'a whole page fits at the start alone'],

    ['n < 0', 'n <= 0', FRAME_ZERO],
    [
      'frame < this.#pool.size',
      ['true', 'frame <= this.#pool.size'],
      'the pool has no number behind its last one',
    ],
    ['start < 1', 'false', 'frame 0 is taken from the beginning, so no run with it is free'],
  ],
  'src/uvmem/mapping.ts': [
    [
      'vm.pins.size === 0 && host.devices.notes().size === 0',
      'false',
      'only saves time: page by page comes to the same',
    ],
    [
      'isFramePte(ptes.get(index))',
      'false',
      'only saves time: what is mapped is found again below',
    ],
    [
      'run.word !== NO_PTE || run.step !== 0',
      'true',
      'only saves time: nothing is mapped there to be freed',
    ],
    [
      'run.step === 1',
      ['true', 'run.step !== 1'],
      'only saves time: page by page, or a run of one page, comes to the same',
    ],
    [
      'i < run.count',
      'i <= run.count',
      'the page behind the run goes as well: all of the region does',
    ],
    ['slot === undefined', 'true', 'only saves time: frame by frame comes to the same'],
    ['kept !== undefined', 'true', 'writes nothing, and forgets what is not there'],
    ['-1', '+1', 'whatever is not success: nobody looks at the number'],
    [
      'plain && run.step === 1 && run.word !== NO_PTE',
      'false',
      'only saves time: page by page comes to the same',
    ],
  ],
  'src/uvmem/mem-slots.ts': [
    [
      'last !== undefined && gfn >= last.base && gfn < last.base + last.pages',
      'false',
      'only saves time: the search finds the same slot',
    ],
    ['gfn >= last.base', 'gfn > last.base', 'only saves time: the search finds the same slot'],
    [
      'last.base + last.pages',
      'last.base - last.pages',
      'only saves time: the search finds the same slot',
    ],
    ['each.id < slot.id', 'each.id <= slot.id', 'no two slots have the same id'],
    ['each.base < slot.base', 'each.base <= slot.base', 'no two slots have the same base'],
  ],
  'src/uvmem/page-store.ts': [
    ["typeof held === 'bigint'", 'false', 'a tag has no bytes that could be the page'],
    ["'bigint'", '""', 'a tag has no bytes that could be the page'],
    [
      'chunk === undefined && page === null',
      'false',
      'only saves memory: a chunk of zeros reads as no chunk',
    ],
    ['old !== null', 'false', 'only saves memory: a chunk of zeros reads as no chunk'],
    ['list.live--', 'list.live++', 'only saves memory: a chunk of zeros reads as no chunk'],
    ['page !== null', 'true', 'only saves memory: a chunk of zeros reads as no chunk'],
    ['list.live === 0', 'false', 'only saves memory: a chunk of zeros reads as no chunk'],
    ['chunk !== undefined', 'true', 'only saves time: a page of no chunk is dropped in vain'],
    ['chunk !== undefined && isRule(chunk)', 'false', 'only saves time: one by one is the same'],
    ['this.#chunks.size === 0', 'false', 'only saves time: a page of no chunk is renewed in vain'],
    ['here === CHUNK', 'false', 'only saves time: page by page comes to the same'],
    ['this.#chunks.has(key)', 'true', 'only saves time: zeros are set to zeros'],
    [
      'chunk !== undefined && !isRule(chunk)',
      'false',
      'only saves memory: what is not given back is not used again',
    ],
    ['rule === undefined', 'false', 'only saves memory: a chunk of zeros reads as no chunk'],
  ],
  'src/uvmem/pins.ts': [
    ['frame === undefined', 'false', 'what is not there is let go: nothing happens'],
  ],
  'src/uvmem/uvmem-slots.ts': [
    [
      'last !== undefined && gfn >= last.from && gfn < last.to',
      'false',
      'only saves time: the search finds the same window',
    ],
    ['gfn >= last.from', 'gfn > last.from', 'only saves time: the search finds the same window'],
    ['window.from >= to', 'window.from > to', 'a window behind the new one is put back as it is'],
    ['window.from < from', 'window.from <= from', 'a window without frames is found by no look-up'],
    ['window.to > to', 'window.to >= to', 'a window without frames is found by no look-up'],
  ],
  'src/uvmem/vmm/life.ts': [
    [
      'slot !== undefined && slot.region.ptes.get(gfn - slot.base) === frame',
      'false',
      'only saves time: the search among all mappings finds it as well',
    ],
    [
      'gfn - slot.base',
      'gfn + slot.base',
      'only saves time: the search among all mappings finds it as well',
    ],
  ],
  'src/uvmem/vmm/memory.ts': [
    ['frame <= 0', 'frame < 0', FRAME_ZERO],
    ['ret <= 0', 'ret < 0', FRAME_ZERO],
  ],
  'src/uvmem/vmm/slots.ts': [
    [
      '(vm.secureGuest & SECURE_INIT_START) === 0',
      'false',
      'only saves time: before H_SVM_INIT_START no frame has a state to drop',
    ],
  ],
  'src/uvmem/vmm/touch.ts': [
    ['frame > 0', 'frame >= 0', FRAME_ZERO],
    ['frame <= 0', 'frame < 0', FRAME_ZERO],
  ],
}
