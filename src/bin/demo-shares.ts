/** Steps of the demo about shared pages and about memory that comes and goes. */
import { asGpa, gpaOf, PAGE_SIZE } from '../abi/page.ts'
import { searchHost } from './demo-search.ts'
import { type DemoWorld, expect, freeGfn, HOT_SLOT, pfnsInUse, sameBytes } from './demo-world.ts'
import { counted } from './progress-bar.ts'

const SHARED_PAGES = 4
/** Page of the second slot where the shared ones begin. */
const SHARED_AT = 100
const HELLO = new TextEncoder().encode('hello, host')
const REPLY = new TextEncoder().encode('hello, guest')

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

export async function share(demo: DemoWorld): Promise<string> {
  const { rest, agent, lpid, slotPages } = demo
  const gfn = freeGfn(slotPages, SHARED_AT)
  const gpa = asGpa(gpaOf(gfn) + 500)
  const end = await agent.ask('share', { lpid, gfn, num: SHARED_PAGES })
  expect(end.kind === 'RET' && end.ret === 0, 'UV_SHARE_PAGE answers U_SUCCESS')
  await agent.ask('store', { lpid, gpa, bytes: base64(HELLO) })
  expect(sameBytes(await hostLoad(demo, gpa, HELLO.length), HELLO), 'the host reads the message')
  const { found } = await searchHost(demo, HELLO)
  expect(found === 1, `the search that found no secret finds the message once, not ${found} times`)
  await rest.write(lpid, asGpa(gpa + PAGE_SIZE), REPLY)
  const heard = await agent.ask('load', { lpid, gpa: gpa + PAGE_SIZE, length: REPLY.length })
  expect(sameBytes(heard.bytes, REPLY), 'the guest reads the reply')
  const { shared } = await rest.call('countFrames', { path: { lpid } })
  return `${SHARED_PAGES} pages shared (${shared} with RTAS), a message there and one back`
}

export async function unshare(demo: DemoWorld): Promise<string> {
  const { agent, lpid, slotPages, rest } = demo
  const gfn = freeGfn(slotPages, SHARED_AT)
  const gpa = asGpa(gpaOf(gfn) + 500)
  const one = await agent.ask('unshare', { lpid, gfn, num: 1 })
  expect(one.ret === 0, 'UV_UNSHARE_PAGE answers U_SUCCESS')
  const all = await agent.ask('unshareAll', { lpid })
  expect(all.ret === 0, 'UV_UNSHARE_ALL_PAGES answers U_SUCCESS')
  const { shared } = await rest.call('countFrames', { path: { lpid } })
  expect(shared < SHARED_PAGES, 'only the RTAS area is still shared')
  const zeros = await agent.ask('load', { lpid, gpa, length: HELLO.length })
  expect(sameBytes(zeros.bytes, new Uint8Array(HELLO.length)), 'the pages came back as zeros')
  await agent.ask('store', { lpid, gpa, bytes: base64(HELLO) })
  const seen = await hostLoad(demo, gpa, HELLO.length)
  expect(!sameBytes(seen, HELLO), 'the host does not see what is written there now')
  return 'one page alone, the rest with UV_UNSHARE_ALL_PAGES; zeros, and the host is blind again'
}

async function hostLoad(
  { rest, lpid }: DemoWorld,
  gpa: ReturnType<typeof asGpa>,
  length: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of rest.read(lpid, gpa, length)) pieces.push(piece)
  return Buffer.concat(pieces)
}

export async function hotAdd(demo: DemoWorld): Promise<string> {
  const { rest, agent, lpid, slotPages } = demo
  const pages = Math.max(1, Math.floor(slotPages / 4))
  const gpa = 2 * slotPages * PAGE_SIZE
  const before = await agent.ask('look', { lpid })
  const { uvmem } = await rest.call('addSlot', {
    path: { lpid },
    body: { id: HOT_SLOT, gpa, size: pages * PAGE_SIZE },
  })
  expect(uvmem.code === 0, 'the uvmem code takes the slot')
  const after = await agent.ask('look', { lpid })
  const calls = after.ultracalls - before.ultracalls
  expect(calls === 1, `one ultracall, UV_REGISTER_MEM_SLOT, is enough: ${calls}`)
  const stored = await agent.ask('store', { lpid, gpa: gpa + 77, bytes: base64(HELLO) })
  expect(stored.kind === 'OK', 'the guest uses the new memory')
  const path = { lpid, gfn: gpa / PAGE_SIZE }
  const frame = await rest.call('getFrame', { path })
  expect(frame.state === 'secure', 'its frames are secure')
  return `${counted(pages)} frames, secure with 1 ultracall and none for a page`
}

export async function hotRemove(demo: DemoWorld): Promise<string> {
  const { rest, agent, lpid, slotPages } = demo
  const before = await pfnsInUse(demo)
  await rest.call('removeSlot', { path: { lpid, slot: HOT_SLOT } })
  const pages = Math.max(1, Math.floor(slotPages / 4))
  const back = before - (await pfnsInUse(demo))
  expect(back === pages, `all ${pages} PFNs come back, not ${back}`)
  const gone = await agent.ask('load', { lpid, gpa: 2 * slotPages * PAGE_SIZE, length: 1 })
  expect(gone.kind === 'MMIO', 'the guest finds no memory there')
  return `${counted(back)} PFNs are back; the guest finds no memory there`
}
