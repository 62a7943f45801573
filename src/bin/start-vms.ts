/** `--vm` and `--load`: VMs that exist, and images that lie in their memory, before the first call. */
import { open, stat } from 'node:fs/promises'
import {
  asGfn,
  asGpa,
  asLpid,
  asSlotId,
  type Gpa,
  LPID_MAX,
  type Lpid,
  PAGE_SIZE,
  pagesIn,
} from '../abi/page.ts'
import type { App } from '../server/app.ts'
import { storeChunks } from '../server/memory-stream.ts'
import { codeOf } from '../server/outcome.ts'
import { Problem } from '../server/problem.ts'
import type { AddSlot } from '../uvmem/vmm/slots.ts'
import { CommandError, ExitCode } from './io.ts'
import { parseSize } from './size.ts'

export interface VmWish {
  readonly lpid: Lpid
  readonly slots: readonly AddSlot[]
}

export interface Image {
  readonly lpid: Lpid
  readonly gpa: Gpa
  readonly path: string
}

/** Bytes that are read from a file at once. */
const READ_BYTES = 1_048_576

function lpidOf(text: string | undefined, option: string): Lpid {
  const value = /^\d{1,4}$/.test(text ?? '') ? Number(text) : 0
  if (value >= 1 && value <= LPID_MAX) return asLpid(value)
  throw new CommandError(`${option}: expected an LPID, 1 to ${LPID_MAX}`)
}

/** `1:2GiB,512MiB`: slot 0 begins at GPA 0, each other one behind the one before. */
export function parseVm(text: string): VmWish {
  const option = `--vm ${text}`
  const [lpid, sizes, ...rest] = text.split(':')
  if (rest.length > 0) throw new CommandError(`${option}: expected lpid:size[,size...]`)
  let base = 0
  const slots = (sizes === undefined || sizes === '' ? [] : sizes.split(',')).map((size, id) => {
    const pages = parseSize(size) / PAGE_SIZE
    if (!Number.isInteger(pages) || pages < 1) {
      throw new CommandError(`${option}: ${size}: expected a size in whole 64 KiB pages`)
    }
    const slot = { id: asSlotId(id), base: asGfn(base), pages }
    base += pages
    return slot
  })
  return { lpid: lpidOf(lpid, option), slots }
}

/** `1:0x4000000:./vmlinux`; the path may have colons. */
export function parseImage(text: string): Image {
  const option = `--load ${text}`
  const [, lpid, at, path] = /^([^:]*):([^:]*):(.+)$/s.exec(text) ?? []
  if (path === undefined) throw new CommandError(`${option}: expected lpid:gpa:path`)
  const gpa = parseSize(at ?? '')
  if (!Number.isSafeInteger(gpa)) throw new CommandError(`${option}: ${at}: expected an address`)
  return { lpid: lpidOf(lpid, option), gpa: asGpa(gpa), path }
}

export async function makeVms({ vmm }: App, wishes: readonly VmWish[]): Promise<void> {
  for (const { lpid, slots } of wishes) {
    const vm = await vmm.create({ lpid, radix: true, svmEnabled: true, slots })
    if (vm === 'exists') throw new CommandError(`--vm: VM ${lpid} is named twice`)
    if ('limit' in vm) throw new CommandError(`--vm: ${vm.limit} allows ${vm.max} at most`)
  }
}

/** VMs that only images name: each gets one slot that holds them all. */
export async function vmsFor(
  images: readonly Image[],
  named: readonly VmWish[],
): Promise<readonly VmWish[]> {
  const ends = new Map<Lpid, number>()
  for (const { lpid, gpa, path } of images) {
    if (named.some((wish) => wish.lpid === lpid)) continue
    ends.set(lpid, Math.max(ends.get(lpid) ?? 0, gpa + (await bytesIn(path))))
  }
  return [...ends].map(([lpid, end]) => ({
    lpid,
    slots: [{ id: asSlotId(0), base: asGfn(0), pages: Math.max(1, pagesIn(end)) }],
  }))
}

async function bytesIn(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    throw new CommandError(`--load ${path}: ${reasonOf(error)}`, ExitCode.Failed)
  }
}

/** Loads files into normal memory; each is read once, page by page. */
export async function loadImages({ vmm }: App, images: readonly Image[]): Promise<void> {
  for (const { lpid, gpa, path } of images) {
    const stored = await storeChunks(vmm, lpid, gpa, chunksOf(path))
    if (stored.how === 'done') continue
    const stopped = codeOf(lpid, stored.outcome)
    const why = stopped instanceof Problem ? stopped.document.detail : stopped.name
    throw new CommandError(`--load ${path}: byte ${stored.written}: ${why}`, ExitCode.Failed)
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    const file = await open(path)
    try {
      yield* file.createReadStream({ highWaterMark: READ_BYTES, autoClose: false })
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new CommandError(`--load ${path}: ${reasonOf(error)}`, ExitCode.Failed)
  }
}
