/** The guests of `uvmem uv`: files, memory slots, and everything in its place. */
import { asGpa, asSlotId, type Lpid, PAGE_SIZE, type SlotId } from '../abi/page.ts'
import type { ByteSource } from '../formats/byte-source.ts'
import { buildGuest, type Guest, necessaryGfns } from '../guest/guest.ts'
import type { GuestSlot } from '../guest/layout.ts'
import { openFile, randomSource } from '../peer/file-source.ts'
import { damageGuest, type GuestFiles, loadGuest } from '../peer/guest-load.ts'
import { type HvRest, RestError } from '../peer/hv-rest.ts'
import { nodeSha512 } from '../peer/node-cipher.ts'
import { UvCallError } from '../peer/uv-errors.ts'
import type { UvSvm } from '../peer/uv-svm.ts'
import { CommandError, ExitCode } from './io.ts'
import type { UvOptions } from './uv-options.ts'

const MADE_UP_KERNEL_BYTES = 4_194_304
const MADE_UP_INITRD_BYTES = 1_048_576

export interface SlotWithId extends GuestSlot {
  readonly id: SlotId
}

/** A guest whose parts lie in its VM's memory. */
export interface ReadyGuest {
  readonly guest: Guest
  readonly slots: readonly SlotWithId[]
  /** H_SVM_PAGE_IN that its switch will take. */
  readonly pagesToCome: number
}

/** The files that the options name, or bytes that were made up. */
export function openFiles({ kernel, initrd }: UvOptions): GuestFiles {
  return {
    kernel: kernel === undefined ? randomSource(MADE_UP_KERNEL_BYTES, 1) : open('kernel', kernel),
    initrd: initrd === undefined ? randomSource(MADE_UP_INITRD_BYTES, 2) : open('initrd', initrd),
  }
}

function open(what: string, path: string): ByteSource {
  try {
    return openFile(path)
  } catch (error) {
    throw new CommandError(`--${what} ${path}: ${error instanceof Error ? error.message : error}`)
  }
}

/**
 * Memory slots of the same size, one behind the other from address 0; what is left is in the last.
 */
export function slotsOf({ memory, slots }: UvOptions): readonly SlotWithId[] {
  if (memory < slots) {
    throw new CommandError(`--slots ${slots}: expected at most one for each of ${memory} pages`)
  }
  const pages = Math.floor(memory / slots)
  return Array.from({ length: slots }, (_, id) => {
    const isLast = id === slots - 1
    const size = (isLast ? memory - id * pages : pages) * PAGE_SIZE
    return { id: asSlotId(id), start: asGpa(id * pages * PAGE_SIZE), size }
  })
}

/** Gives the VM memory if it has none, then puts a guest there. Errors are CommandErrors. */
export async function prepareGuest(
  rest: HvRest,
  svm: UvSvm,
  files: GuestFiles,
  options: UvOptions,
): Promise<ReadyGuest> {
  const { lpid } = svm
  const found = await slotsThere(rest, lpid)
  const slots = found.length > 0 ? found : slotsOf(options)
  const guest = buildGuest({
    ...files,
    bootargs: options.bootargs,
    slots,
    sha512: nodeSha512,
    kernelBase: asGpa(options.kernelBase * PAGE_SIZE),
  })
  if (typeof guest === 'string') throw new CommandError(`LPID ${lpid}: ${guest}`)
  if (found.length === 0) await makeMemory(rest, svm, slots)
  if (options.content === 'tag') await fill(rest, lpid, slots)
  await loadGuest(rest, lpid, guest, files)
  if (options.wrongDigest !== undefined) {
    await damageGuest(rest, lpid, guest, files, options.wrongDigest, options.bootargs)
  }
  const all = slots.reduce((sum, { size }) => sum + size / PAGE_SIZE, 0)
  const necessary = necessaryGfns(guest).reduce((sum, { count }) => sum + count, 0)
  // The RTAS page is asked for once more, to be shared.
  return { guest, slots, pagesToCome: (options.strategy === 'all' ? all : necessary) + 1 }
}

/** Memory slots that somebody has made already; a VM that an ultravisor has left is rebooted. */
async function slotsThere(rest: HvRest, lpid: Lpid): Promise<readonly SlotWithId[]> {
  try {
    const vm = await rest.call('getVm', { path: { lpid } })
    if (vm.orphaned) await rest.call('resetVm', { path: { lpid } })
    const { slots } = await rest.call('listSlots', { path: { lpid } })
    return slots.map(({ id, gpa, size }) => ({
      id: asSlotId(id),
      start: asGpa(Number(gpa)),
      size: Number(size),
    }))
  } catch (error) {
    if (error instanceof RestError && error.status === 404) return []
    throw error
  }
}

/**
 * As ultravisor and VMM at once. A server that makes no VM at a first call, as one with several users
 * does not, has it made by an operator first: whoever loads guests over REST is one.
 */
async function makeMemory(rest: HvRest, svm: UvSvm, slots: readonly SlotWithId[]): Promise<void> {
  try {
    await registerSlots(svm, slots)
  } catch (error) {
    if (!(error instanceof UvCallError && error.code === 'NOT_YOUR_LPID')) throw error
    const memory = slots.map(({ id, start, size }) => ({ id, gpa: start, size }))
    const made = rest.call('createVm', { body: { lpid: svm.lpid, slots: memory } })
    await made.catch((refusal: unknown) => {
      // It is there, and somebody else's.
      throw refusal instanceof RestError && refusal.status === 409 ? error : refusal
    })
  }
}

async function registerSlots(svm: UvSvm, slots: readonly SlotWithId[]): Promise<void> {
  for (const { id, start, size } of slots) {
    const ret = await svm.registerSlot(id, start, size)
    if (ret === 0) continue
    const why = `UV_REGISTER_MEM_SLOT for slot ${id} answered ${ret}`
    throw new CommandError(`LPID ${svm.lpid}: ${why}`, ExitCode.Failed)
  }
}

/** Every page gets a tag of its own. */
async function fill(rest: HvRest, lpid: Lpid, slots: readonly SlotWithId[]): Promise<void> {
  for (const { start, size } of slots) {
    const tag = start / PAGE_SIZE + 1
    const body = { gpa: start, size, tag: `0x${tag.toString(16)}`, step: '0x1' }
    await rest.call('fillMemory', { path: { lpid }, body })
  }
}
