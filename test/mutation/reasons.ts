/** Mutants that live for a reason: no test could tell them from the code as it is. */
import type { Reason } from './report.ts'

/** What was changed, what into, and why nobody can see it. */
type Line = readonly [original: string, replacement: string | readonly string[], why: string]

const FRAME_ZERO = 'frame 0 is never handed out, and no failure is 0'
const SAVES_TIME = 'only saves time: without notes there is none to take away'
const BACKED = 'a secure frame is in a memory slot and in a uvmem slot'

const LINES: Readonly<Record<string, readonly Line[]>> = {
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
  'src/uvmem/hcalls/init-start.ts': [
    [
      "profile.startMarks === 'last'",
      'true',
      'the profiles that mark the VM before all checks have marked it by then',
    ],
  ],
  'src/uvmem/hcalls/share.ts': [
    ['frame <= 0', 'frame < 0', FRAME_ZERO],
    [
      '!markForDrop(host, vm, gfn)',
      'false',
      'a mark on a free PFN has ended the call before the page fault; a fault frees no PFN and keeps the mark',
    ],
  ],
  'src/uvmem/vmm/touch.ts': [
    ['frame > 0', 'frame >= 0', FRAME_ZERO],
    ['frame <= 0', 'frame < 0', FRAME_ZERO],
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
  'src/uvmem/vmm/slots.ts': [
    [
      '(vm.secureGuest & SECURE_INIT_START) === 0',
      'false',
      'only saves time: before H_SVM_INIT_START no frame has a state to drop',
    ],
  ],
  'src/uvmem/device-pages.ts': [
    ['pfn < 0', 'false', 'what is available can be taken: it has been asked a line before'],
    ['this.#notes.size > 0', ['true', 'this.#notes.size >= 0'], SAVES_TIME],
  ],
  'src/uvmem/drop-pages.ts': [
    ['++turns', '--turns', 'every so many steps, in whichever direction they are counted'],
    [
      'run.step === 0',
      ['true', 'false', 'run.step !== 0'],
      'states that rise are normal, shared and paged out, and all become normal at a stroke or one by one',
    ],
    ['uvmem === undefined', 'false', BACKED],
    ['first === undefined', 'false', 'the count is 0 then, and nothing is done to no frames'],
  ],
  'src/uvmem/host-ram.ts': [
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
  'src/uvmem/pins.ts': [
    [
      'this.#counts.size > 0',
      ['true', 'this.#counts.size >= 0'],
      'only saves time: an empty map has no frame',
    ],
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
  'src/uvmem/page-store.ts': [
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
  'src/uvmem/vmm/memory.ts': [
    ['frame <= 0', 'frame < 0', FRAME_ZERO],
    ['ret <= 0', 'ret < 0', FRAME_ZERO],
  ],
  'src/ultravisor/page-calls.ts': [
    ['default: return unreachable(action)', 'default:', 'there is no other action'],
    ['next === state', 'false', 'what is done then comes to the same state'],
    ['page === 0n', 'false', 'the store of contents takes a tag of 0 for zeros itself'],
  ],
  'src/ultravisor/frame-table.ts': [
    [
      'false',
      'true',
      'only saves time: keys that are sorted already are sorted again, and come out the same',
    ],
    ['[]', '["Stryker was here"]', 'keys of parts that have gone are passed over'],
    [
      '--chunk.count > 0',
      ['true', '--chunk.count >= 0'],
      'only saves memory: a part without a record reads as none',
    ],
    ['--chunk.count', '++chunk.count', 'only saves memory: a part without a record reads as none'],
    [
      '!this.#keysStale',
      'false',
      'only saves time: keys that are sorted already are sorted again, and come out the same',
    ],
  ],
  'src/ultravisor/guest-memory.ts': [
    ['bytes.length - at', 'bytes.length + at', 'a slice ends with the bytes, whatever its end'],
    [
      'bytes.length === PAGE_SIZE',
      'false',
      'only saves time: all bytes of a copy of the old page are written over',
    ],
    [
      '{ svm.contents.set(gfn, bytes) return }',
      '{}',
      'only saves time: all bytes of a copy of the old page are written over',
    ],
  ],
  'src/ultravisor/page-crypto.ts': [
    ['svm.key === undefined', 'false', 'who has a seal has the key that it was made with'],
    [
      'plain.length === WORD_BYTES',
      'false',
      'a tag of 0 is taken for zeros by the store of contents itself',
    ],
  ],
  'src/ultravisor/page-release.ts': [
    ['gfn !== undefined', 'true', 'undefined is below no end: only the type does not know'],
    [
      'firstChunk < endChunk',
      ['true', 'firstChunk <= endChunk'],
      'a run of chunks that ends before it begins has none',
    ],
    [
      'start % FRAMES_PER_ROOT_ENTRY === 0',
      'false',
      'only saves time: chunk by chunk comes to the same where no table goes round',
    ],
    [
      'start % FRAMES_PER_ROOT_ENTRY',
      'start * FRAMES_PER_ROOT_ENTRY',
      'only saves time: chunk by chunk comes to the same where no table goes round',
    ],
    [
      "{ // Nothing goes round its table's end here: the whole chunks can be released in one go. const endChunk = Math.floor(end / CHUNK_FRAMES) releaseChunks(uv, pages, start / CHUNK_FRAMES, endChunk) first = endChunk * CHUNK_FRAMES }",
      '{}',
      'only saves time: chunk by chunk comes to the same where no table goes round',
    ],
    [
      'i < CHUNK_FRAMES',
      'i <= CHUNK_FRAMES',
      'the entry behind the last is the first again, which maps nothing',
    ],
  ],
  'src/ultravisor/serve.ts': [
    [
      "result.kind === 'FAULT'",
      'true',
      'an ultracall neither waits nor ends its SVM, so that its traps are all faults',
    ],
    [
      '{ ret: U.STATE }',
      '{}',
      'an ultracall neither waits nor ends its SVM, so that its traps are all faults',
    ],
  ],
  'src/ultravisor/slot-calls.ts': [
    [
      'startGpa + size >= ADDRESS_END',
      'startGpa + size > ADDRESS_END',
      'so big a slot is beyond every budget, with the same code',
    ],
    ["'OOPS'", '""', 'where there is no SVM, serve() names the fault itself'],
  ],
  'src/ultravisor/mem-slots.ts': [
    [
      'hit !== undefined && gfn >= hit.base && gfn < slotEnd(hit)',
      'false',
      'only saves time: the search finds the same slot',
    ],
    ['gfn >= hit.base', 'gfn > hit.base', 'only saves time: the search finds the same slot'],
    [
      'this.#sorted[middle]?.base',
      'this.#sorted[middle].base',
      'the middle of a list is in it: only the type does not know',
    ],
    ['slot === undefined', 'false', 'what is not there is removed: nothing happens'],
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
}

export const REASONS: readonly Reason[] = Object.entries(LINES).flatMap(([file, lines]) =>
  lines.map(([original, replacement, why]) => ({ file, original, replacement, why })),
)
