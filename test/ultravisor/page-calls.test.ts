/** The tables of the specification, row by row: what each ultracall does in each frame state. */
import t from 'tap'
import { uCodeName } from '../../src/abi/codes.ts'
import { asGfn, asRa } from '../../src/abi/page.ts'
import {
  FRAME_STATES,
  FrameState,
  isFrameState,
  isSecure,
  isShared,
  isTransient,
  isUnsharable,
} from '../../src/ultravisor/frame-state.ts'
import { Note } from '../../src/ultravisor/frame-table.ts'
import { hvEntry, isMapped, isOwn, isPresent, Pte } from '../../src/ultravisor/page-table.ts'
import { type Svm, SvmState } from '../../src/ultravisor/svm.ts'
import { filled, isSamePage, PROFILES, pageIn, pageInval, pageOut, settle } from './uv-for-test.ts'

const GFN = asGfn(66)
const SECURE_RA = 2 ** 48 + 0x10_0000

type StateName =
  | 'SECURE'
  | 'PAGEDOUT'
  | 'SHARED'
  | 'SHARED_INV'
  | 'SHARED_IMPLICIT'
  | 'SHARED_IMPLICIT_INV'
  | 'HV_SHARING'
  | 'HV_SHARED'
  | 'HV_SHARED_INV'
  | 'HV_UNSHARING'
  | 'HV_UNSHARING_INV'
  | 'HV_UNSHARED'
  | 'PSEUDO_SHARED'
  | 'PSEUDO_SHARED_INV'

const nameOf = (svm: Svm): string => FRAME_STATES[svm.frames.state(GFN)].name

function stateNamed(name: StateName): FrameState {
  const found = Object.values(FrameState).find((state) => FRAME_STATES[state].name === name)
  if (found === undefined) throw new Error(`no state ${name}`)
  return found
}

/** Brings GFN into a state as a history of calls would leave it. */
function put(svm: Svm, name: StateName): void {
  const state = stateNamed(name)
  if (state === FrameState.Secure) return
  svm.frames.setState(GFN, state)
  const ra = 0x20_0000
  if (name === 'SHARED') svm.pages.set(GFN, hvEntry(asRa(ra), Pte.SoftShared | Pte.Present))
  if (name === 'SHARED_INV' || name.startsWith('SHARED_IMPLICIT')) {
    svm.pages.set(GFN, hvEntry(asRa(ra), Pte.SoftShared))
  }
  if (name.startsWith('SHARED') || name.startsWith('HV_UNSHAR')) {
    svm.frames.setNote(GFN, Note.OwnPage)
  }
  if (name.startsWith('PSEUDO') || name.startsWith('HV_SHARED')) svm.frames.setNote(GFN, ra)
}

t.test('the 14 states have the numbers and families of the firmware', async (t) => {
  const rows: [number, StateName, string][] = [
    [0, 'SECURE', 'secure'],
    [1, 'PAGEDOUT', 'secure'],
    [2, 'SHARED', 'shared'],
    [3, 'SHARED_INV', 'shared'],
    [4, 'SHARED_IMPLICIT', 'shared unsharable'],
    [5, 'SHARED_IMPLICIT_INV', 'shared unsharable'],
    [6, 'HV_SHARING', 'transient'],
    [7, 'HV_SHARED', 'transient'],
    [8, 'HV_SHARED_INV', 'transient'],
    [9, 'HV_UNSHARING', 'transient'],
    [10, 'HV_UNSHARING_INV', 'transient'],
    [11, 'HV_UNSHARED', 'transient'],
    [12, 'PSEUDO_SHARED', 'shared unsharable'],
    [13, 'PSEUDO_SHARED_INV', 'shared unsharable'],
  ]
  for (const [number, name, families] of rows) {
    const state = stateNamed(name)
    t.equal(state, number, name)
    const has = [
      isSecure(state) ? 'secure' : '',
      isTransient(state) ? 'transient' : '',
      isShared(state) ? 'shared' : '',
      isUnsharable(state) ? 'unsharable' : '',
    ]
    t.equal(has.filter((one) => one !== '').join(' '), families, name)
  }
  t.ok(isFrameState(0))
  t.notOk(isFrameState(14), 'there is no fifteenth')
  t.notOk(isFrameState(-1))
})

/** state before, code and state after while ACTIVE, the same while SECURE. */
const PAGE_IN: [StateName, string, StateName, string, StateName][] = [
  ['SECURE', 'U_SUCCESS', 'SECURE', 'U_P2', 'SECURE'],
  ['HV_UNSHARED', 'U_SUCCESS', 'SECURE', 'U_P2', 'HV_UNSHARED'],
  ['SHARED', 'U_SUCCESS', 'SHARED', 'U_SUCCESS', 'SHARED'],
  ['SHARED_INV', 'U_SUCCESS', 'SHARED', 'U_SUCCESS', 'SHARED'],
  ['SHARED_IMPLICIT', 'U_SUCCESS', 'SHARED_IMPLICIT', 'U_SUCCESS', 'SHARED_IMPLICIT'],
  ['SHARED_IMPLICIT_INV', 'U_SUCCESS', 'SHARED_IMPLICIT', 'U_SUCCESS', 'SHARED_IMPLICIT'],
  ['PSEUDO_SHARED', 'U_SUCCESS', 'PSEUDO_SHARED', 'U_SUCCESS', 'PSEUDO_SHARED'],
  ['PSEUDO_SHARED_INV', 'U_SUCCESS', 'PSEUDO_SHARED', 'U_SUCCESS', 'PSEUDO_SHARED'],
  ['HV_UNSHARING', 'U_SUCCESS', 'HV_UNSHARING', 'U_SUCCESS', 'HV_UNSHARING'],
  ['HV_UNSHARING_INV', 'U_SUCCESS', 'HV_UNSHARING', 'U_SUCCESS', 'HV_UNSHARING'],
  ['HV_SHARING', 'U_SUCCESS', 'HV_SHARED', 'U_SUCCESS', 'HV_SHARED'],
  ['HV_SHARED', 'U_SUCCESS', 'HV_SHARED', 'U_SUCCESS', 'HV_SHARED'],
  ['HV_SHARED_INV', 'U_SUCCESS', 'HV_SHARED', 'U_SUCCESS', 'HV_SHARED'],
]

for (const profile of PROFILES) {
  t.test(`UV_PAGE_IN, each state, profile ${profile}`, async (t) => {
    for (const [before, activeCode, activeAfter, secureCode, secureAfter] of PAGE_IN) {
      const rows = [
        [SvmState.Active, activeCode, activeAfter],
        [SvmState.Secure, secureCode, secureAfter],
      ] as const
      for (const [state, code, after] of rows) {
        const { uv, svm } = settle({ profile, state })
        put(svm, before)
        t.equal(uCodeName(pageIn(uv, GFN, filled(3)).ret), code, `${before}, SVM state ${state}`)
        t.equal(nameOf(svm), after, `${before} becomes ${after}`)
      }
    }
  })

  t.test(`UV_PAGE_IN of a paged-out frame, profile ${profile}`, async (t) => {
    const { uv, svm } = settle({ profile })
    svm.contents.set(GFN, filled(5))
    const cipher = pageOut(uv, GFN).page ?? null
    t.equal(nameOf(svm), 'PAGEDOUT')
    t.equal(pageIn(uv, GFN, filled(5)).ret, -56, 'something else is refused with U_P3')
    t.equal(nameOf(svm), 'PAGEDOUT', 'and the state stays')
    t.equal(svm.contents.get(GFN), null, 'nothing came in')
    t.equal(pageIn(uv, GFN, cipher).ret, 0)
    t.equal(nameOf(svm), 'SECURE')
    t.ok(isSamePage(svm.contents.get(GFN), filled(5)), 'the content is back, bit for bit')
    svm.frames.setState(GFN, FrameState.PagedOut)
    t.equal(pageIn(uv, GFN, cipher).ret, -56, 'without IV and tag: U_P3')
  })

  t.test(`UV_PAGE_INVAL, each state, profile ${profile}`, async (t) => {
    const rows: [StateName, string, StateName][] = [
      ['SHARED', 'U_SUCCESS', 'SHARED_INV'],
      ['SHARED_IMPLICIT', 'U_SUCCESS', 'SHARED_IMPLICIT_INV'],
      ['PSEUDO_SHARED', 'U_SUCCESS', 'PSEUDO_SHARED_INV'],
      ['HV_SHARED', 'U_SUCCESS', 'HV_SHARED_INV'],
      ['HV_UNSHARING', 'U_SUCCESS', 'HV_UNSHARING_INV'],
      ['SHARED_INV', 'U_SUCCESS', 'SHARED_INV'],
      ['SHARED_IMPLICIT_INV', 'U_SUCCESS', 'SHARED_IMPLICIT_INV'],
      ['PSEUDO_SHARED_INV', 'U_SUCCESS', 'PSEUDO_SHARED_INV'],
      ['HV_SHARED_INV', 'U_SUCCESS', 'HV_SHARED_INV'],
      ['HV_UNSHARING_INV', 'U_SUCCESS', 'HV_UNSHARING_INV'],
      ['SECURE', 'U_P2', 'SECURE'],
      ['PAGEDOUT', 'U_P2', 'PAGEDOUT'],
      ['HV_SHARING', 'U_P2', 'HV_SHARING'],
      ['HV_UNSHARED', 'U_P2', 'HV_UNSHARED'],
    ]
    for (const [before, code, after] of rows) {
      const { uv, svm } = settle({ profile })
      put(svm, before)
      t.equal(uCodeName(pageInval(uv, GFN).ret), code, before)
      t.equal(nameOf(svm), after, `${before} becomes ${after}`)
      if (after === 'SHARED_INV' || after === 'SHARED_IMPLICIT_INV') {
        t.notOk(isPresent(svm.pages.entry(GFN)), `${after}: the guest faults`)
      }
    }
  })

  t.test(`UV_PAGE_OUT, each state, profile ${profile}`, async (t) => {
    const sharedCode = profile === 'firmware' ? 'U_PARAMETER' : 'U_SUCCESS'
    const rows: [StateName, string, StateName][] = [
      ['SECURE', 'U_SUCCESS', 'PAGEDOUT'],
      ['PAGEDOUT', 'U_PARAMETER', 'PAGEDOUT'],
      ['SHARED', sharedCode, 'SHARED'],
      ['SHARED_INV', sharedCode, 'SHARED_INV'],
      ['SHARED_IMPLICIT', sharedCode, 'SHARED_IMPLICIT'],
      ['SHARED_IMPLICIT_INV', sharedCode, 'SHARED_IMPLICIT_INV'],
      ['PSEUDO_SHARED', sharedCode, 'PSEUDO_SHARED'],
      ['PSEUDO_SHARED_INV', sharedCode, 'PSEUDO_SHARED_INV'],
      ['HV_SHARING', 'U_PARAMETER', 'HV_SHARING'],
      ['HV_SHARED', 'U_PARAMETER', 'HV_SHARED'],
      ['HV_SHARED_INV', 'U_PARAMETER', 'HV_SHARED_INV'],
      ['HV_UNSHARING', 'U_PARAMETER', 'HV_UNSHARING'],
      ['HV_UNSHARING_INV', 'U_PARAMETER', 'HV_UNSHARING_INV'],
      ['HV_UNSHARED', 'U_RETRY', 'HV_UNSHARED'],
    ]
    for (const [before, code, after] of rows) {
      const { uv, svm } = settle({ profile })
      put(svm, before)
      const { ret, page } = pageOut(uv, GFN)
      t.equal(uCodeName(ret), code, before)
      t.equal(nameOf(svm), after, `${before} becomes ${after}`)
      t.equal(page !== undefined, before === 'SECURE', `${before}: only a secure page is written`)
    }
  })

  t.test(`the checks of page calls come in their order, profile ${profile}`, async (t) => {
    const { uv } = settle({ profile })
    const out = { gpa: 2 ** 40 }
    const cases = [
      { why: 'order before ra', args: { order: 12, ra: 0, lpid: 9, ...out }, code: 'U_P5' },
      { why: 'ra 0 before LPID', args: { ra: 0, lpid: 9, ...out }, code: 'U_P2' },
      { why: 'secure ra', args: { ra: SECURE_RA, lpid: 9, ...out }, code: 'U_P2' },
      { why: 'LPID before gpa', args: { lpid: 9, ...out }, code: 'U_PARAMETER' },
      { why: 'gpa in no slot', args: out, code: 'U_P3' },
      { why: 'gpa of 60 bits', args: { gpa: 0xfffffffffff0000 }, code: 'U_P3' },
    ]
    for (const { why, args, code } of cases) {
      t.equal(uCodeName(pageIn(uv, GFN, null, args).ret), code, `page in: ${why}`)
      t.equal(uCodeName(pageOut(uv, GFN, args).ret), code, `page out: ${why}`)
    }
    t.equal(uCodeName(pageInval(uv, GFN, { order: 12, lpid: 9 }).ret), 'U_P3')
    t.equal(uCodeName(pageInval(uv, GFN, { lpid: 9 }).ret), 'U_PARAMETER')
    t.equal(uCodeName(pageInval(uv, GFN, out).ret), 'U_P3')
    t.equal(pageOut(uv, GFN, { gpa: GFN * 65_536 + 100 }).ret, 0, 'an unaligned gpa names its page')
  })

  t.test(`an SVM in ABORT, profile ${profile}`, async (t) => {
    const { uv, svm } = settle({ profile, state: SvmState.Abort })
    svm.contents.set(GFN, filled(5))
    t.equal(uCodeName(pageIn(uv, GFN).ret), 'U_STATE')
    t.equal(uCodeName(pageIn(uv, GFN, null, { gpa: 0 }).ret), 'U_STATE', 'before the gpa')
    t.equal(uCodeName(pageInval(uv, GFN).ret), 'U_STATE')
    t.same(pageOut(uv, GFN), { ret: 0 }, 'page out is allowed, and writes nothing')
    t.equal(nameOf(svm), 'SECURE', 'nor does it change the frame')
    t.equal(uCodeName(pageOut(uv, 1).ret), 'U_P3')
  })
}

t.test('a page paged out before the SVM is SECURE', async (t) => {
  const content: Record<(typeof PROFILES)[number], number> = { firmware: 0, spec: 5 }
  for (const profile of PROFILES) {
    const { uv, svm } = settle({ profile, state: SvmState.Active })
    pageIn(uv, GFN, filled(5))
    const cipher = pageOut(uv, GFN).page ?? null
    t.not(cipher, null)
    t.equal(pageIn(uv, GFN, cipher).ret, 0, profile)
    const got = svm.contents.get(GFN)
    if (content[profile] === 5) t.ok(isSamePage(got, filled(5)), 'spec decrypts it')
    else
      t.ok(isSamePage(got, cipher as Uint8Array), 'firmware takes the ciphertext for the content')
    if (profile === 'spec') {
      pageOut(uv, GFN)
      t.equal(uCodeName(pageIn(uv, GFN, filled(5)).ret), 'U_P3', 'spec refuses anything else')
    }
  }
})

t.test('a shared frame is mapped as the HV gives it', async (t) => {
  const { uv, svm } = settle()
  put(svm, 'SHARED_INV')
  pageIn(uv, GFN, null, { ra: 0x77_0000 })
  t.equal(svm.pages.entry(GFN), 0x77_0000 + Pte.Valid + Pte.Present + Pte.SoftShared)
  put(svm, 'SHARED_IMPLICIT_INV')
  pageIn(uv, GFN, null, { ra: 0x78_0000 })
  t.notOk(isPresent(svm.pages.entry(GFN)), 'an implicit one never for the guest')
})

t.test('a frame whose mapping is gone takes nothing and gives nothing', async (t) => {
  const { uv, svm } = settle({ state: SvmState.Active })
  svm.pages.set(GFN, 0)
  t.equal(uCodeName(pageIn(uv, GFN, filled(1)).ret), 'U_P3')
  t.equal(uCodeName(pageOut(uv, GFN).ret), 'U_P3')
  t.notOk(isMapped(svm.pages.entry(GFN)))
})

t.test("what comes in for a frame of the HV's does not lie in the secure page", async (t) => {
  const { uv, svm } = settle({ profile: 'firmware', state: SvmState.Active })
  svm.contents.set(GFN, 5n)
  svm.pages.set(GFN, hvEntry(asRa(0x20_0000), Pte.Present))
  t.equal(pageIn(uv, GFN, 6n).ret, 0)
  t.equal(svm.contents.get(GFN), 5n)
})

t.test('a page that comes in while the frame was unshared is secure again', async (t) => {
  const { uv, svm } = settle({ state: SvmState.Active })
  put(svm, 'HV_UNSHARED')
  svm.pages.set(GFN, hvEntry(asRa(0x20_0000), Pte.SoftShared | Pte.Present))
  t.equal(pageIn(uv, GFN).ret, 0)
  t.equal(svm.pages.entry(GFN), Pte.Valid + Pte.Present + Pte.Own, "the HV's frame is not mapped")
})

t.test('an encryption that fails answers U_RETRY', async (t) => {
  for (const profile of PROFILES) {
    const { uv, svm } = settle({
      profile,
      cipher: {
        randomBytes: (n) => new Uint8Array(n),
        seal: () => undefined,
        open: () => undefined,
      },
    })
    svm.contents.set(GFN, filled(5))
    t.equal(uCodeName(pageOut(uv, GFN).ret), 'U_RETRY', profile)
    t.equal(nameOf(svm), 'SECURE')
    t.ok(isOwn(svm.pages.entry(GFN)))
    t.equal(isPresent(svm.pages.entry(GFN)), profile === 'spec', 'firmware leaves it unmapped')
    t.ok(isSamePage(svm.contents.get(GFN), filled(5)), 'the content stays')
  }
})

t.test(
  'the counter-proposal: shared frames are refused while the guest turns secure',
  async (t) => {
    const { uv, svm } = settle({ profile: 'proposal', state: SvmState.Active })
    svm.frames.setState(GFN, FrameState.Shared)
    t.equal(uCodeName(pageIn(uv, GFN, filled(5)).ret), 'U_P2')
    t.equal(nameOf(svm), 'SHARED', 'nothing changes')
    svm.state = SvmState.Secure
    t.equal(
      uCodeName(pageIn(uv, GFN, filled(5)).ret),
      'U_SUCCESS',
      'a reflected fault is served later',
    )
  },
)

t.test(
  'an invalidation takes the mapping away where there is one of the HV, and no other',
  async (t) => {
    const cases: readonly (readonly [keyof typeof FrameState, boolean, boolean])[] = [
      ['Shared', false, false],
      ['SharedImplicit', false, false],
      ['HvShared', true, true],
      ['PseudoShared', true, true],
      ['HvUnsharing', false, true],
    ]
    for (const [state, inSpec, inFirmware] of cases) {
      for (const profile of PROFILES) {
        const { uv, svm } = settle({ profile })
        svm.frames.setState(GFN, FrameState[state])
        svm.pages.set(GFN, hvEntry(asRa(0x9_0000), Pte.SoftShared | Pte.Present))
        t.equal(pageInval(uv, GFN).ret, 0)
        const stays = profile === 'spec' ? inSpec : inFirmware
        t.equal(isPresent(svm.pages.entry(GFN)), stays, `${profile}: ${state}`)
      }
    }
  },
)

t.test('an invalidation forgets the frame that was shared, but not a pseudo share', async (t) => {
  for (const [state, forgets] of [
    [FrameState.HvShared, true],
    [FrameState.PseudoShared, false],
  ] as const) {
    const { uv, svm } = settle()
    svm.frames.setState(GFN, state)
    svm.frames.setNote(GFN, asRa(0x9_0000))
    pageInval(uv, GFN)
    t.equal(svm.frames.noteRa(GFN) === undefined, forgets, FRAME_STATES[state].name)
  }
})

t.test('of a real address only the bit of secure memory counts', async (t) => {
  const { uv } = settle({ state: SvmState.Active })
  for (const [ra, ret] of [
    [2 ** 48, -55],
    [2 ** 49, 0],
    [2 ** 48 + 2 ** 49, -55],
    [2 ** 50, 0],
  ] as const) {
    t.equal(pageIn(uv, 66, null, { ra }).ret, ret, `${ra}`)
  }
})

t.test('a page with the tag 0 comes in as zeros', async (t) => {
  const { uv, svm } = settle({ state: SvmState.Active })
  t.equal(pageIn(uv, 66, 0n).ret, 0)
  t.equal(svm.contents.get(GFN), null)
})
