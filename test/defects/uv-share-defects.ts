/** Known defects of the ultravisor firmware: sharing and unsharing. */
import type { UvDefect } from './defect.ts'

export const UV_SHARE_DEFECTS: readonly UvDefect[] = [
  {
    id: 'uv.securesNotedFrame',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['securesNotedFrame'],
    what: "A share that fails half-way maps the host's frames as secure pages of the guest.",
    where: 'revert_transient_pages_to_secure(), svm_secure_gfn()',
    consequence: 'The host can read and write what the guest takes for its secure page.',
    marks: ['src/ultravisor/secure-frame.ts'],
    world: { given: ['secure', 'store 0 7'] },
    story: `
      UV_SHARE_PAGE 0 2 !.,-4
        = U_P2
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0 shared: H_SUCCESS
        = UV asks H_SVM_PAGE_IN 1 shared: H_PARAMETER
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        - UV GFN 0: SECURE, the host's frame 1
      load 0
        - REFUSED
        - UV asks MEM_READ of frame 1: EFAULT
        + reads 7
    `,
    differs: "GFN 0 is SECURE on the host's frame, which the host has freed already.",
  },
  {
    id: 'uv.revertSecuresFirst',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['revertSecuresFirst'],
    what: 'Reverting a share that got no answer secures the first GFN of the range.',
    where: 'revert_transient_pages_to_secure()',
    consequence:
      'A first page that was shared before silently becomes SECURE; the host still shares it.',
    marks: ['src/ultravisor/share.ts'],
    world: { given: ['secure', 'UV_SHARE_PAGE 0 1'] },
    story: `
      UV_SHARE_PAGE 0 2 !-4
        = U_P2
        = UV asks H_SVM_PAGE_IN 1 shared: H_PARAMETER
        - UV GFN 0: SECURE, own page
    `,
    differs: 'GFN 0 was not asked for, and is no longer shared for the ultravisor.',
  },
  {
    id: 'uv.leavesHalfShared',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['leavesHalfShared', 'securesNotedFrame'],
    what: 'A share that meets a frame in transition leaves the frames before it HV_SHARED.',
    where: 'page_share_with_hv()',
    consequence: 'Those frames can never be shared, unshared or used again.',
    marks: ['src/ultravisor/share.ts'],
    world: { shows: 'uv', given: ['secure'] },
    story: `
      UV_SHARE_PAGE 1 1 [0 UV_SHARE_PAGE 0 2]
        = U_SUCCESS
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0 shared: H_SUCCESS
        = meanwhile UV_SHARE_PAGE 0 2: U_P2
        = HV asks UV_PAGE_IN 1: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 1 shared: H_SUCCESS
        = UV asks MEM_WRITE of frame 2: H_SUCCESS
        = UV GFN 1: SHARED, the host's frame 2
        - UV GFN 0: HV_SHARED, own page
        + UV asks H_SVM_PAGE_IN 0: H_SUCCESS
      UV_SHARE_PAGE 0 1
        - U_P2
        + U_SUCCESS
        + HV asks UV_PAGE_IN 0: U_SUCCESS
        + UV asks H_SVM_PAGE_IN 0 shared: H_SUCCESS
        + UV asks MEM_WRITE of frame 3: H_SUCCESS
        + UV GFN 0: SHARED, the host's frame 3
    `,
    differs: 'GFN 0 stays HV_SHARED, and every later share of it is refused.',
  },
  {
    id: 'uv.dropsSeal',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['dropsSeal'],
    what: 'A share of a paged-out GFN whose page-in fails drops its IV and tag.',
    where: 'revert_transient_pages_to_secure(), svm_secure_gfn()',
    consequence:
      'The GFN is SECURE and not present: its content is gone, the guest faults for ever.',
    marks: ['src/ultravisor/share.ts'],
    world: { slots: '0:0+1', shows: 'uv', given: ['secure', 'store 0 7', 'touch 0'] },
    story: `
      UV_SHARE_PAGE 0 1 !-4
        = U_P2
        = UV asks H_SVM_PAGE_IN 0: H_PARAMETER
        - UV GFN 0: SECURE, own page, not present
      load 0
        - never returns: LIVELOCK
        + reads 7
        + HV asks UV_PAGE_IN 0: U_SUCCESS
        + UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        + UV GFN 0: SECURE, own page
    `,
    differs: 'After a share that failed the guest can no longer read its own page.',
  },
  {
    id: 'uv.unshare-drops-seal',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['dropsSeal'],
    what: 'UV_UNSHARE_PAGE of a paged-out GFN drops its IV and tag.',
    where: 'page_unshare_with_hv()',
    consequence: 'The call succeeds and has nothing to do, and the content of the page is gone.',
    marks: ['src/ultravisor/unshare.ts'],
    world: { slots: '0:0+1', shows: 'uv', given: ['secure', 'store 0 7', 'touch 0'] },
    story: `
      UV_UNSHARE_PAGE 0 1
        = U_SUCCESS
        - UV GFN 0: SECURE, own page, not present
      load 0
        - never returns: LIVELOCK
        + reads 7
        + HV asks UV_PAGE_IN 0: U_SUCCESS
        + UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        + UV GFN 0: SECURE, own page
    `,
    differs: 'An unshare of a page that was never shared takes its content away.',
  },
  {
    id: 'uv.miscountsTries',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['miscountsTries'],
    what: 'The four tries of a page-in are off by one: success at the fourth counts as failure.',
    where: 'page_share_with_hv()',
    consequence: 'A share is refused although the page is there.',
    marks: ['src/ultravisor/share.ts'],
    world: { slots: '0:0+1', shows: 'uv', given: ['secure', 'touch 0'] },
    story: `
      UV_SHARE_PAGE 0 1 [1 touch 0] [2 touch 0] [3 touch 0]
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        = HV asks UV_PAGE_OUT 0: U_SUCCESS
        = meanwhile touch 0: OK
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        = HV asks UV_PAGE_OUT 0: U_SUCCESS
        = meanwhile touch 0: OK
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        = HV asks UV_PAGE_OUT 0: U_SUCCESS
        = meanwhile touch 0: OK
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        - U_P2
        - UV GFN 0: SECURE, own page
        + U_SUCCESS
        + UV asks H_SVM_PAGE_IN 0 shared: H_SUCCESS
        + UV asks MEM_WRITE of frame 5: H_SUCCESS
        + UV GFN 0: SHARED, the host's frame 5
    `,
    differs: 'The fourth page-in works, and only with the defect the share fails all the same.',
  },
  {
    id: 'uv.no-try-left',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['miscountsTries'],
    what: 'When all four tries of a page-in are used up, the share goes on as if one had worked.',
    where: 'page_share_with_hv()',
    consequence: 'A paged-out frame is shared: its IV, tag and content are lost.',
    marks: ['src/ultravisor/share.ts'],
    world: { slots: '0:0+1', shows: 'uv', given: ['secure', 'store 0 7', 'touch 0'] },
    story: `
      UV_SHARE_PAGE 0 1 [1 touch 0] [2 touch 0] [3 touch 0] [4 touch 0]
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        = HV asks UV_PAGE_OUT 0: U_SUCCESS
        = meanwhile touch 0: OK
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        = HV asks UV_PAGE_OUT 0: U_SUCCESS
        = meanwhile touch 0: OK
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        = HV asks UV_PAGE_OUT 0: U_SUCCESS
        = meanwhile touch 0: OK
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        = HV asks UV_PAGE_OUT 0: U_SUCCESS
        = meanwhile touch 0: OK
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        - U_SUCCESS
        - UV asks H_SVM_PAGE_IN 0 shared: H_SUCCESS
        - UV asks MEM_WRITE of frame 5: H_SUCCESS
        - UV GFN 0: SHARED, the host's frame 5
        + U_P2
        + UV GFN 0: SECURE, own page, not present
    `,
    differs: 'The share succeeds without the page, where it should be given up.',
  },
  {
    id: 'uv.keepsInvalidatedFrame',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['keepsInvalidatedFrame'],
    what: 'UV_PAGE_INVAL of an HV_SHARED frame does not forget the frame that was noted.',
    where: 'handle_page_inval()',
    consequence: 'The commit maps a frame that the host has taken back: the guest writes into it.',
    marks: ['src/ultravisor/page-calls.ts'],
    world: { slots: '0:0+1', given: ['secure'] },
    story: `
      UV_SHARE_PAGE 0 1 [1 discard 0]
        = U_SUCCESS
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0 shared: H_SUCCESS
        = HV asks UV_PAGE_INVAL 0: U_SUCCESS
        = meanwhile discard 0: OK
        = HV PFNs in use: none
        = HV GFN 0: shared, no page
        - UV asks MEM_WRITE of frame 1: EFAULT
        - UV GFN 0: SHARED, the host's frame 1
        + UV GFN 0: SHARED_INV, no page
      store 0 7
        - REFUSED
        - UV asks MEM_WRITE of frame 1: EFAULT
        + OK
        + HV asks UV_PAGE_IN 0: U_SUCCESS
        + UV asks HDSI 0: H_SUCCESS
        + UV asks MEM_WRITE of frame 2: H_SUCCESS
        + HV GFN 0: shared, frame 2
        + UV GFN 0: SHARED, the host's frame 2
    `,
    differs: 'The guest is mapped to a frame that is no longer its own.',
  },
  {
    id: 'uv.abortsOnHvRefusal',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['abortsOnHvRefusal'],
    what: 'An unshare that the hypervisor refuses ends the SVM.',
    where: 'page_unshare_with_hv()',
    consequence: 'A hypervisor short of memory for a moment kills its guest.',
    marks: ['src/ultravisor/unshare.ts'],
    world: { slots: '0:0+1', shows: 'uv', given: ['secure', 'UV_SHARE_PAGE 0 1'] },
    story: `
      UV_UNSHARE_PAGE 0 1 !-4
        = UV asks H_SVM_PAGE_IN 0: H_PARAMETER
        - the SVM is aborted
        - UV GFN 0: HV_UNSHARING, the host's frame 1
        + U_P2
    `,
    differs: 'The guest is killed, where it should get U_P2 and keep its shared page.',
  },
  {
    id: 'uv.share-without-page',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['abortsOnHvRefusal'],
    what: 'A share that succeeds without a nested UV_PAGE_IN ends the SVM.',
    where: 'commit_all_gfns_as_shared()',
    consequence: 'A frame that is taken back before it was given kills the guest.',
    marks: ['src/ultravisor/share.ts'],
    world: { slots: '0:0+1', shows: 'uv', given: ['secure'] },
    story: `
      UV_SHARE_PAGE 0 1 !0
        = UV asks H_SVM_PAGE_IN 0 shared: H_SUCCESS
        - the SVM is aborted
        - UV GFN 0: HV_SHARING, own page
        + U_SUCCESS
        + UV GFN 0: SHARED_INV, no page
    `,
    differs: 'The guest is killed, where the frame should count as taken back: SHARED_INV.',
  },
]
