/** Steps of the demo that boot the guest: create, load, switch, reboot, abort. */
import { PAGE_SIZE } from '../abi/page.ts'
import { damageGuest, loadGuest } from '../peer/guest-load.ts'
import { searchHost } from './demo-search.ts'
import { BOOTARGS, type DemoWorld, expect, pfnsInUse } from './demo-world.ts'
import { counted } from './progress-bar.ts'

const MEGABYTE = 1_048_576

export async function createVm({ rest, lpid, slotPages }: DemoWorld): Promise<string> {
  const size = slotPages * PAGE_SIZE
  const vm = await rest.call('createVm', {
    body: { lpid, slots: [{ size }, { gpa: size, size }] },
  })
  expect(vm.state === 'normal' && vm.slots === 2, 'the VM is normal and has two slots')
  return `2 slots, ${counted(vm.frames)} frames, all normal`
}

export async function load({ rest, lpid, guest, files }: DemoWorld): Promise<string> {
  const bytes = await loadGuest(rest, lpid, guest, files)
  const parts = new Set(guest.placements.map(({ what }) => what))
  const kernel = `${guest.kernel.format} kernel of ${counted(guest.kernelSize / MEGABYTE)} MiB`
  return `${kernel}, ${parts.size} parts, ${counted(bytes)} bytes`
}

export async function switchNecessary(demo: DemoWorld): Promise<string> {
  return await switched(demo, 'necessary')
}

async function switched(demo: DemoWorld, strategy: 'necessary' | 'all'): Promise<string> {
  const { agent, lpid, guest, rest } = demo
  const { kernelBase: kernel_base, fdtGpa: tree } = guest
  const end = await agent.ask('esm', { lpid, kernel_base, tree, strategy })
  expect(end.kind === 'SECURE', `UV_ESM ends with SECURE, not ${end.kind} (${end.why ?? end.ret})`)
  const counts = await rest.call('countFrames', { path: { lpid } })
  expect(counts.normal === 0, 'no frame is left normal')
  const look = `${counted(counts.secure)} secure, ${counted(counts.shared)} shared, 0 normal`
  return `${counted(end.page_ins)} pages in, ${end.shares} shared, digests right; ${look}`
}

export async function reboot(demo: DemoWorld): Promise<string> {
  const { agent, lpid, secrets, marker } = demo
  await reset(demo)
  const { frames, found } = await searchHost(demo, marker)
  expect(found === 0, 'no secret is left behind in normal memory')
  await load(demo)
  const text = await switched(demo, 'necessary')
  const [secret] = secrets
  const length = secret?.bytes.length ?? 1
  const end = await agent.ask('load', { lpid, gpa: secret?.gpa ?? 0, length })
  expect(end.kind === 'OK', 'the guest reads the memory where its secret was')
  expect(!sameAs(end.bytes, secret?.bytes), 'the secret did not survive the reboot')
  return `reset, ${counted(frames)} frames searched, nothing found; ${text}`
}

const sameAs = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && Buffer.compare(a, b) === 0

async function reset(demo: DemoWorld): Promise<void> {
  const { rest, lpid, agent } = demo
  await rest.call('resetVm', { path: { lpid } })
  const { life } = await agent.ask('look', { lpid })
  expect(life === 'none', 'UV_SVM_TERMINATE ended the SVM')
  expect((await pfnsInUse(demo)) === 0, 'every PFN is back in the pool')
}

export async function switchAll(demo: DemoWorld): Promise<string> {
  await reset(demo)
  await load(demo)
  return await switched(demo, 'all')
}

export async function abort(demo: DemoWorld): Promise<string> {
  const { rest, lpid, guest, files, agent } = demo
  await reset(demo)
  await load(demo)
  await damageGuest(rest, lpid, guest, files, 'initrd', BOOTARGS)
  const { kernelBase: kernel_base, fdtGpa: tree } = guest
  const end = await agent.ask('esm', { lpid, kernel_base, tree, strategy: 'necessary' })
  expect(end.kind === 'FAILED' && end.step === 'digests', `the digests stop it, not ${end.step}`)
  expect(end.why === 'the digest differs: initrd', `the initrd is to blame, not: ${end.why}`)
  expect(end.ret === -4, 'the guest sees H_PARAMETER')
  const vm = await rest.call('getVm', { path: { lpid } })
  expect(vm.state === 'normal', 'the VM is normal again')
  expect((await pfnsInUse(demo)) === 0, 'every PFN is back in the pool')
  return `one byte of the initrd changed: ${end.why}; the guest sees H_PARAMETER`
}
