/** The records of frames: what is not written down, what stays, and the walk over them. */
import t from 'tap'
import { asGfn } from '../../src/abi/page.ts'
import { FrameState } from '../../src/ultravisor/frame-state.ts'
import { FrameTable, Note, SEAL_BYTES } from '../../src/ultravisor/frame-table.ts'

const iv = new Uint8Array(12).fill(1)
const tag = new Uint8Array(16).fill(2)

t.test('a frame without a record has no note and no seal', async (t) => {
  const frames = new FrameTable()
  for (const gfn of [0, 255, 256, 2 ** 40].map(asGfn)) {
    t.equal(frames.state(gfn), FrameState.Secure)
    t.equal(frames.note(gfn), 0)
    t.equal(frames.noteRa(gfn), undefined)
    t.equal(frames.seal(gfn), undefined)
    frames.forget(gfn)
  }
  t.equal(frames.count, 0)
  t.equal(frames.after(-1), undefined, 'and the walk meets none')
})

t.test('a seal is only where one was set, though the note says that there is one', async (t) => {
  const frames = new FrameTable()
  const [one, other] = [asGfn(5), asGfn(6)]
  for (const gfn of [one, other]) frames.setState(gfn, FrameState.PagedOut)
  frames.setNote(one, Note.Seal)
  t.equal(frames.seal(one), undefined)
  frames.setSeal(other, iv, tag)
  t.same([...(frames.seal(other) ?? [])], [...iv, ...tag])
  t.equal(frames.seal(other)?.length, SEAL_BYTES)
  frames.setNote(other, 0x9_0000)
  t.equal(frames.seal(other), undefined, 'another note takes its place')
  t.equal(frames.noteRa(other), 0x9_0000)
})

t.test('the walk takes each record once, ascending, from where it is told', async (t) => {
  const frames = new FrameTable()
  for (const gfn of [700, 258, 5, 1_023, 511].map(asGfn)) frames.setState(gfn, FrameState.Shared)
  t.same([...frames.tracked()], [5, 258, 511, 700, 1_023])
  t.equal(frames.after(4), 5)
  t.equal(frames.after(5), 258, 'a lower place in a later part is not passed over')
  t.equal(frames.after(258), 511)
  t.equal(frames.after(1_023), undefined)
  frames.forget(asGfn(258))
  frames.forget(asGfn(258))
  t.equal(frames.count, 4, 'what is forgotten twice goes once')
  t.same([...frames.tracked()], [5, 511, 700, 1_023])
  frames.forget(asGfn(5))
  frames.setState(asGfn(3), FrameState.PagedOut)
  t.same([...frames.tracked()], [3, 511, 700, 1_023], 'a part that was empty is met again')
})

t.test('a part that comes again holds nothing of the one before', async (t) => {
  const frames = new FrameTable()
  const gfn = asGfn(7)
  frames.setState(gfn, FrameState.PagedOut)
  frames.setSeal(gfn, iv, tag)
  frames.forget(gfn)
  t.equal(frames.seal(gfn), undefined)
  frames.setState(asGfn(600), FrameState.Shared)
  t.equal(frames.note(asGfn(512 + 7)), 0)
  frames.setState(asGfn(512 + 7), FrameState.Shared)
  t.equal(frames.note(asGfn(512 + 7)), 0)
  t.same([...frames.tracked()], [519, 600])
})
