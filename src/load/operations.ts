/**
 * What load clients do, one entry for each operation of the mix. Every operation checks what it gets:
 * codes, and that a page comes back as it went. It throws when it fails, and leaves the VM usable.
 */

import type { UpCall } from '../../schemas/messages.ts'
import { hex } from '../../schemas/values.ts'
import { asGpa, type Gfn, gfnAt, gpaOf, PAGE_SHIFT, PAGE_SIZE } from '../abi/page.ts'
import type { Prng } from '../lib/prng.ts'
import { loadGuest } from '../peer/guest-load.ts'
import { RestError } from '../peer/hv-rest.ts'
import type { UvClient } from '../peer/uv-client.ts'
import { answerName } from '../peer/uv-errors.ts'
import type { UvSvm } from '../peer/uv-svm.ts'
import type { EsmResult } from '../ultravisor/esm.ts'
import { Refused } from './failure.ts'
import type { Image } from './image.ts'
import type { DetailName, OperationName } from './metric.ts'
import type { LoadPlan } from './plan.ts'
import type { LoadVm } from './vm.ts'

/** What an operation works with. */
export interface Work {
  readonly plan: LoadPlan
  readonly image: Image
  readonly vm: LoadVm
  readonly uv: UvClient
  readonly random: Prng
  /** Measures a part of the operation. */
  readonly part: <T>(name: DetailName, run: () => Promise<T>) => Promise<T>
}

export type Operate = (work: Work) => Promise<void>

const CHURN_PAGES = 8
const SHARE_PAGES = 4
const HOT_SLOT = 1
const HOT_PAGES = 16

export const OPERATIONS: Readonly<Record<OperationName, Operate>> = {
  boot,
  churn,
  share,
  fault,
  hotplug,
  reboot,
  touch,
}

const svmOf = ({ uv, vm }: Work): UvSvm => uv.svm(vm.lpid)
const pathOf = ({ vm }: Work) => ({ lpid: vm.lpid })

/** `count` frames in a row behind the guest. */
function drawFrames({ image, random }: Work, count: number): readonly Gfn[] {
  const first = gfnAt(image.free, random.int(image.freeCount - count + 1))
  return Array.from({ length: count }, (_, i) => gfnAt(first, i))
}

async function boot(work: Work): Promise<void> {
  const { vm, image } = work
  const { rest } = vm.client
  vm.forget()
  await rest.call('deleteVm', { path: pathOf(work) }).catch((error: unknown) => {
    if (!(error instanceof RestError && error.status === 404)) throw error
  })
  const slots = [{ id: 0, gpa: 0, size: image.size }]
  await rest.call('createVm', { body: { lpid: vm.lpid, slots } })
  await turnSecure(work)
}

async function reboot(work: Work): Promise<void> {
  const { vm } = work
  vm.forget()
  await work.part('reset', () => vm.client.rest.call('resetVm', { path: pathOf(work) }))
  await turnSecure(work)
}

/** Puts the guest into the VM's memory and lets it call UV_ESM. */
async function turnSecure(work: Work): Promise<void> {
  const { vm, image, plan } = work
  const { rest } = vm.client
  const { guest, files } = image
  if (plan.content === 'tag') {
    const body = { gpa: 0, size: image.size, tag: hex(vm.lpid * 2 ** 32 + 1), step: '0x1' }
    await rest.call('fillMemory', { path: pathOf(work), body })
  }
  await loadGuest(rest, vm.lpid, guest, files)
  const { kernelBase, fdtGpa: tree } = guest
  const { strategy } = plan
  await work.part('esm', async () => {
    const end = await svmOf(work).esm({ kernelBase, tree, strategy })
    if (end.kind !== 'SECURE') throw new Refused(codeOfEsm(end))
  })
  vm.secure = true
}

function codeOfEsm(end: Exclude<EsmResult, { readonly kind: 'SECURE' }>): string {
  if (end.kind === 'FAILED') return `ESM ${end.step}: ${end.why}`
  return end.kind === 'REFUSED' ? `ESM ${end.ret}` : `ESM ${end.kind}`
}

async function churn(work: Work): Promise<void> {
  const frames = drawFrames(work, CHURN_PAGES)
  for (const gfn of frames) await write(work, gfn)
  await Promise.all(frames.map((gfn) => work.part('page-out', () => pageOut(work, gfn))))
  for (const gfn of frames) await work.part('page-in', () => check(work, gfn))
}

async function pageOut(work: Work, gfn: Gfn): Promise<void> {
  const { lpid } = work.vm
  await call(work, { call: 'H_SVM_PAGE_OUT', lpid, gpa: gpaOf(gfn), flags: 0, order: PAGE_SHIFT })
}

/** A hypercall of the ultravisor's own, as when it runs out of secure memory. */
function call({ uv }: Work, body: UpCall): Promise<void> {
  return new Promise((resolve, reject) => {
    uv.app.call(body, (outcome) => {
      if (outcome.kind === 'answer' && outcome.ret === 0) resolve()
      else if (outcome.kind === 'answer') reject(new Refused(answerName(body.call, outcome.ret)))
      else reject(new Refused(uv.app.peer.ended ? 'CONNECTION_LOST' : `ERROR ${outcome.code}`))
    })
  })
}

/** The guest stores eight bytes that nobody can guess. */
async function write(work: Work, gfn: Gfn): Promise<void> {
  const { vm, random } = work
  const value = (BigInt(random.int(2 ** 32)) << 32n) | BigInt(random.int(2 ** 32))
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  const end = await svmOf(work).store(gpaOf(gfn), bytes)
  if (end.kind !== 'OK') throw new Refused(`STORE ${end.kind}`)
  vm.written.set(gfn, value)
}

/** The guest loads what it has stored. */
async function check(work: Work, gfn: Gfn): Promise<void> {
  const end = await svmOf(work).load(gpaOf(gfn), 8)
  if (end.kind !== 'OK') throw new Refused(`LOAD ${end.kind}`)
  const { bytes } = end
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0)
  const expected = work.vm.written.get(gfn)
  if (expected !== undefined && value !== expected) throw new Refused('CONTENT DIFFERS')
}

async function share(work: Work): Promise<void> {
  const [first, ...others] = drawFrames(work, SHARE_PAGES)
  if (first === undefined) return
  const frames = [first, ...others]
  for (const gfn of frames) work.vm.written.delete(gfn)
  await succeeds('UV_SHARE_PAGE', svmOf(work).sharePages(first, frames.length))
  for (const gfn of frames) await write(work, gfn)
  for (const gfn of frames) await check(work, gfn)
  for (const gfn of frames) work.vm.written.delete(gfn)
  await succeeds('UV_UNSHARE_PAGE', svmOf(work).unsharePages(first, frames.length))
}

async function succeeds(
  what: string,
  call: Promise<{ readonly kind: string; readonly ret?: number }>,
): Promise<void> {
  const { kind, ret } = await call
  if (kind !== 'RET') throw new Refused(`${what} ${kind}`)
  if (ret !== 0) throw new Refused(`${what} ${ret}`)
}

async function fault(work: Work): Promise<void> {
  const [gfn] = drawFrames(work, 1)
  if (gfn === undefined) return
  const { vm } = work
  vm.written.delete(gfn)
  await succeeds('UV_SHARE_PAGE', svmOf(work).sharePages(gfn, 1))
  await write(work, gfn)
  const path = { ...pathOf(work), gfn }
  await vm.client.rest.call('unmapFrame', { path, body: { how: 'reclaim' } })
  await work.part('hdsi', () => check(work, gfn))
  vm.written.delete(gfn)
  await succeeds('UV_UNSHARE_PAGE', svmOf(work).unsharePages(gfn, 1))
}

async function hotplug(work: Work): Promise<void> {
  const { vm, image } = work
  const { rest } = vm.client
  const body = { id: HOT_SLOT, gpa: image.size, size: HOT_PAGES * PAGE_SIZE }
  const { uvmem } = await rest.call('addSlot', { path: pathOf(work), body })
  const end = await svmOf(work).load(asGpa(image.size), 8)
  await rest.call('removeSlot', { path: { ...pathOf(work), slot: HOT_SLOT } })
  if (uvmem.code !== 0) throw new Refused(`HOTPLUG ${uvmem.name}`)
  if (end.kind !== 'OK') throw new Refused(`LOAD ${end.kind}`)
}

async function touch(work: Work): Promise<void> {
  const [gfn] = drawFrames(work, 1)
  if (gfn === undefined) return
  await write(work, gfn)
  const path = { ...pathOf(work), gfn }
  await work.part('host-touch', () => work.vm.client.rest.call('touchFrame', { path }))
  await work.part('page-in', () => check(work, gfn))
}
