/** Why mutants of the ultravisor's core live (see reasons.ts). */
import type { Lines } from './reasons.ts'

const ALL_PARTS = 'only saves time: to look at every part comes to the same'

export const ULTRAVISOR: Lines = {
  'src/ultravisor/esm.ts': [['{ ret: 0 }', '{}', 'what the first step is handed is not looked at']],
  'src/ultravisor/run-set.ts': [
    ['n < run.end', ['true', 'n <= run.end'], 'the run that is looked for ends above n'],
    ['run.first < end', 'run.first <= end', 'a run behind the end is put back as it is'],
    ['to > from', ['true', 'to >= from'], 'no runs are replaced by none'],
    [
      'this.#runs[middle]?.end',
      'this.#runs[middle].end',
      'the middle of a list is in it: only the type does not know',
    ],
  ],
  'src/ultravisor/secure-frame.ts': [
    ['!isMapped(entry)', 'false', 'an entry of 0 maps neither its own page nor a frame'],
  ],
  'src/ultravisor/snapshot.ts': [
    ['note !== Note.None', 'true', 'a record without a note has that note'],
  ],
  'src/ultravisor/steps.ts': [
    ["'the SVM was terminated meanwhile'", '""', 'nobody is told the words of this trap'],
    ['{ ret: 0 }', '{}', 'what the first step is handed is not looked at'],
  ],
  'src/ultravisor/hex.ts': [
    ['i < bytes.length', 'i <= bytes.length', 'a byte behind the end of an array is not kept'],
  ],
  'src/ultravisor/page-in-tracking.ts': [
    ['[]', '["Stryker was here"]', 'what is no number has no bit'],
    ['byte === 0', 'false', 'only saves time: none of its bits is set'],
    ['bit < 8', 'bit <= 8', 'a byte has no ninth bit'],
    ['PART / 8', 'PART * 8', 'only saves memory: what is behind its bits is never looked at'],
  ],
  'src/ultravisor/page-table.ts': [
    [
      'firstChunk >= endChunk',
      'firstChunk > endChunk',
      'a run of no chunks maps none, and the frames on both sides are the same ones',
    ],
    ['end - first < this.tables.size', ['false', 'end - first <= this.tables.size'], ALL_PARTS],
    ['end - first', 'end + first', ALL_PARTS],
    [
      '{ for (let chunk = first; chunk < end; chunk++) this.tables.delete(chunk) return }',
      '{}',
      ALL_PARTS,
    ],
  ],
  'src/ultravisor/page-contents.ts': [
    ['page === null', 'false', 'only saves memory: a part without pages reads as zeros'],
    ['[Math.floor(start / CHUNK), Math.floor((end - 1) / CHUNK)]', '[]', ALL_PARTS],
    ['(end - 1) / CHUNK', '(end - 1) * CHUNK', ALL_PARTS],
    ['end - 1', 'end + 1', 'of a part behind the range nothing is cleared'],
    ['last - first < this.#chunks.size', ['false', 'last - first <= this.#chunks.size'], ALL_PARTS],
    ['last - first', 'last + first', ALL_PARTS],
    [
      '{ for (let key = first; key <= last; key++) this.#clearIn(key, start, end) return }',
      '{}',
      ALL_PARTS,
    ],
    ['from >= to', 'from > to', 'from a place to itself there is nothing to clear'],
    [
      'chunk.bytes?.delete',
      'chunk.bytes.delete',
      'there are bytes, as one of them was just met: only the type does not know',
    ],
    [
      'from === 0 && to === CHUNK',
      'false',
      'only saves memory: a part without pages reads as zeros',
    ],
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
  'src/ultravisor/page-calls.ts': [
    ['default: return unreachable(action)', 'default:', 'there is no other action'],
    ['next === state', 'false', 'what is done then comes to the same state'],
    ['page === 0n', 'false', 'the store of contents takes a tag of 0 for zeros itself'],
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
}
