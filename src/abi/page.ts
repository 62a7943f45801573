/**
 * Addresses, frames and ids, each branded so that a GFN is never taken for a GPA.
 *
 * Source: arch/powerpc/include/asm/ultravisor-api.h and book3s_hv_uvmem.c ("Notes on page size").
 */

declare const brand: unique symbol
type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/** Base-2 logarithm of the page size; also the only `order` that page calls accept. */
export const PAGE_SHIFT = 16
/** Bytes in a page: 64 KiB. */
export const PAGE_SIZE = 65_536

/**
 * Guest physical address in bytes, 0 to 2^64 - 1.
 *
 * DIFF: a JavaScript number. From 2^53 on the lowest bits are lost, which no caller can see: such an
 * address is in no memory slot, and every call refuses it before it is passed on.
 */
export type Gpa = Branded<number, 'Gpa'>
/** Guest frame number: GPA >> 16. */
export type Gfn = Branded<number, 'Gfn'>
/** Real address in the host's normal memory, in bytes; a multiple of 64 KiB when it names a frame. */
export type Ra = Branded<number, 'Ra'>
/** Number of a frame of the host's normal memory: RA >> 16. */
export type Frame = Branded<number, 'Frame'>
/** Index of a device page in the HV's pool; it stands for one page of secure memory. */
export type DevicePfn = Branded<number, 'DevicePfn'>
/** Logical partition id: 0 is the host, guests are 1 to 4095. */
export type Lpid = Branded<number, 'Lpid'>
/** Memory slot id: 0 to 65535 on the wire; the ultravisor accepts 0 to 511. */
export type SlotId = Branded<number, 'SlotId'>

export const LPID_MAX = 4095
export const SLOT_ID_MAX = 65_535
/** One past the highest slot id that the ultravisor accepts. Source: SVM_USER_MEM_SLOTS. */
export const UV_SLOTS_MAX = 512

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0

export const isGpa = (value: number): value is Gpa => isCount(value) && value < 2 ** 64
export const isRa = (value: number): value is Ra => isCount(value) && value < 2 ** 64
export const isGfn = (value: number): value is Gfn => isCount(value) && value < 2 ** 48
export const isLpid = (value: number): value is Lpid => isCount(value) && value <= LPID_MAX
export const isSlotId = (value: number): value is SlotId => isCount(value) && value <= SLOT_ID_MAX

export const gfnOf = (gpa: Gpa): Gfn => Math.floor(gpa / PAGE_SIZE) as Gfn
export const gpaOf = (gfn: Gfn): Gpa => (gfn * PAGE_SIZE) as Gpa
/** Offset of a GPA in its page, in bytes: 0 to 65535. */
export const offsetInPage = (gpa: Gpa): number => gpa % PAGE_SIZE
export const raOf = (frame: Frame): Ra => (frame * PAGE_SIZE) as Ra
/**
 * Where the device pages' real addresses begin: the kernel asks for a free physical range behind its
 * memory (request_free_mem_region), which here starts at 16 TiB.
 */
export const DEVICE_RA_START = 2 ** 44
export const raOfDevice = (pfn: DevicePfn): Ra => (DEVICE_RA_START + pfn * PAGE_SIZE) as Ra
export const frameOf = (ra: Ra): Frame => Math.floor(ra / PAGE_SIZE) as Frame

/** The n-th GFN after `gfn`. */
export const gfnAt = (gfn: Gfn, n: number): Gfn => (gfn + n) as Gfn

/** Names a number that the caller has already checked. The only door into the branded types. */
export const asGpa = (value: number): Gpa => value as Gpa
export const asGfn = (value: number): Gfn => value as Gfn
export const asRa = (value: number): Ra => value as Ra
export const asFrame = (value: number): Frame => value as Frame
export const asDevicePfn = (value: number): DevicePfn => value as DevicePfn
export const asLpid = (value: number): Lpid => value as Lpid
export const asSlotId = (value: number): SlotId => value as SlotId

/** Number of pages that `bytes` take, rounded up. Source: SVM_BYTES_TO_PAGES. */
export const pagesIn = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE)

/**
 * What a page holds: `null` is 65,536 zeros, a bigint is a 64-bit tag that stands for the content
 * of a page nobody wants to carry, and an array is the 65,536 bytes themselves. A page handed over
 * is never written to afterwards: who changes it makes a new one.
 */
export type Page = null | bigint | Uint8Array
