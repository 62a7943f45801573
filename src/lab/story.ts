/** What happens to a VM in an experiment, as data, and how it is told. */

/** One thing that the VMM, the host or the guest does; pages are GFNs. */
export type StoryOp =
  | { readonly op: 'boot' | 'reboot' | 'destroy' | 'hot-add' | 'hot-remove' | 'flush' }
  /** UV_ESM; `early` happens just before H_SVM_INIT_DONE. */
  | { readonly op: 'esm'; readonly early?: readonly StoryOp[] }
  | {
      readonly op: 'store' | 'load' | 'share' | 'unshare' | 'touch' | 'reclaim' | 'host-write'
      readonly page: number
    }
  /** The host changes a page that it holds as ciphertext. */
  | { readonly op: 'tamper'; readonly page: number }

export interface Story {
  readonly name: string
  /** What it is about, in one sentence. */
  readonly about: string
  readonly ops: readonly StoryOp[]
}

/** Pages of the VM of a story; the guest boots from the first sixteen. */
export const STORY_PAGES = 48
/** The slot that is hot-added. */
export const HOT_SLOT = { id: 1, base: 64, pages: 4 } as const
/** A page that the measured boot does not need. */
const SPARE = 30
/** A page of the kernel, which every strategy pages in. */
export const KERNEL_PAGE = 1
const SHARED = 31
const HOT_PAGE = HOT_SLOT.base + 1

const SWITCH: readonly StoryOp[] = [{ op: 'boot' }, { op: 'esm' }]

/** The life of a VM without hotplug: every page operation once, each checked by a load. */
const LIFE: readonly StoryOp[] = [
  { op: 'store', page: SPARE },
  { op: 'touch', page: SPARE },
  { op: 'load', page: SPARE },
  { op: 'share', page: SHARED },
  { op: 'store', page: SHARED },
  { op: 'host-write', page: SHARED },
  { op: 'load', page: SHARED },
  { op: 'unshare', page: SHARED },
  { op: 'load', page: SHARED },
]

export const STORIES: readonly Story[] = [
  {
    name: 'switch',
    about: 'boot, switch, then stores, loads, page-outs and a share',
    ops: [...SWITCH, ...LIFE],
  },
  {
    name: 'hotplug',
    about: 'memory is added to a secure VM',
    ops: [
      ...SWITCH,
      { op: 'hot-add' },
      { op: 'store', page: HOT_PAGE },
      { op: 'load', page: HOT_PAGE },
    ],
  },
  {
    name: 'early page-out',
    about: 'the host pages a page out before H_SVM_INIT_DONE',
    ops: [
      { op: 'boot' },
      { op: 'esm', early: [{ op: 'touch', page: KERNEL_PAGE }] },
      { op: 'load', page: KERNEL_PAGE },
    ],
  },
  {
    name: 'early flush',
    about: 'a memory slot is flushed (dirty logging) before H_SVM_INIT_DONE',
    ops: [
      { op: 'boot' },
      { op: 'esm', early: [{ op: 'flush' }] },
      { op: 'load', page: KERNEL_PAGE },
    ],
  },
  {
    name: 'reboot after a share',
    about: 'a page is shared, the VM reboots and switches again',
    ops: [
      ...SWITCH,
      { op: 'share', page: SHARED },
      { op: 'store', page: SPARE },
      { op: 'reboot' },
      { op: 'esm' },
      ...LIFE,
    ],
  },
  {
    name: 'swapped ciphertext',
    about: 'the host pages a page out and then swaps its ciphertext out',
    ops: [
      ...SWITCH,
      { op: 'store', page: SPARE },
      { op: 'touch', page: SPARE },
      { op: 'reclaim', page: SPARE },
      { op: 'load', page: SPARE },
    ],
  },
  {
    name: 'tampering',
    about: 'the host changes a page that was paged out',
    ops: [
      ...SWITCH,
      { op: 'store', page: SPARE },
      { op: 'touch', page: SPARE },
      { op: 'tamper', page: SPARE },
      { op: 'load', page: SPARE },
      { op: 'destroy' },
    ],
  },
]

export const storyNamed = (name: string): Story | undefined =>
  STORIES.find((story) => story.name === name)

const TOLD: { readonly [Op in StoryOp['op']]: string } = {
  boot: 'the VMM makes a VM and loads its guest',
  reboot: 'the VMM reboots the VM',
  destroy: 'the VMM ends',
  'hot-add': `the VMM adds memory: ${HOT_SLOT.pages} pages at GFN ${HOT_SLOT.base}`,
  'hot-remove': 'the VMM removes the added memory',
  flush: 'the VMM toggles dirty logging: the memory slot is flushed',
  esm: 'the guest calls UV_ESM',
  store: 'the guest stores to GFN',
  load: 'the guest loads from GFN',
  share: 'the guest shares GFN',
  unshare: 'the guest unshares GFN',
  touch: 'the host touches GFN',
  reclaim: 'the host reclaims GFN',
  'host-write': 'the host writes to GFN',
  tamper: 'the host changes the ciphertext of GFN',
}

/** One operation in words. */
export function tellOp(op: StoryOp): string {
  if ('page' in op) return `${TOLD[op.op]} ${op.page}`
  if (op.op !== 'esm' || op.early === undefined) return TOLD[op.op]
  return `${TOLD.esm}; before H_SVM_INIT_DONE ${op.early.map(tellOp).join(', ')}`
}
