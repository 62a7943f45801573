/** Steps of the demo about secrets: written, looked for, read back, tampered with. */
import { asGfn, asGpa, type Gfn, gpaOf, PAGE_SIZE } from '../abi/page.ts'
import { RestError } from '../peer/hv-rest.ts'
import { searchHost } from './demo-search.ts'
import { type DemoWorld, expect, gfnsOf, sameBytes } from './demo-world.ts'
import { counted } from './progress-bar.ts'

/** Pages of the kernel that the host takes out as well before it is searched. */
const KERNEL_PAGES = 64

export async function writeSecrets({ agent, lpid, secrets }: DemoWorld): Promise<string> {
  for (const { gpa, bytes } of secrets) {
    const end = await agent.ask('store', {
      lpid,
      gpa,
      bytes: Buffer.from(bytes).toString('base64'),
    })
    expect(end.kind === 'OK', `the guest stores at ${gpa}, not ${end.kind}`)
  }
  const { refused } = await agent.ask('look', { lpid })
  expect(refused.length === 0, 'nothing was refused so far')
  return `${secrets.length} secrets, one of them across two pages`
}

export async function hostReads(demo: DemoWorld): Promise<string> {
  const { rest, lpid, secrets, marker } = demo
  const [secret] = secrets
  expect(secret !== undefined, 'there is a secret')
  const gfn = Math.floor(secret.gpa / PAGE_SIZE)
  const path = { lpid, gfn }
  const before = await rest.call('getFrame', { path })
  expect(before.state === 'secure' && before.host.maps === 'device', 'its frame is secure')
  const { page } = await rest.call('getPage', { path })
  expect(page !== null && 'bytes' in page, 'the host gets a page of bytes')
  const bytes = Buffer.from(page.bytes, 'base64')
  expect(!bytes.includes(Buffer.from(marker)), 'the page holds no secret')
  const different = bytes.filter((byte) => byte !== 0).length
  expect(different > PAGE_SIZE * 0.9, 'a page of zeros but for the secret has become noise')
  const after = await rest.call('getFrame', { path })
  expect(after.state === 'paged_out', 'the frame is paged out')
  return `GFN ${gfn}: ${counted(bytes.length)} bytes of ciphertext, now paged_out`
}

export async function search(demo: DemoWorld): Promise<string> {
  const { rest, lpid, guest, marker } = demo
  const kernel = Math.floor(guest.kernelBase / PAGE_SIZE)
  const pages = Math.min(KERNEL_PAGES, Math.floor(guest.kernelSize / PAGE_SIZE))
  const gfns: Gfn[] = [...gfnsOf(demo)]
  for (let i = 0; i < pages; i++) gfns.push(asGfn(kernel + i))
  for (const gfn of gfns) await rest.call('touchFrame', { path: { lpid, gfn } })
  const { frames, found } = await searchHost(demo, marker)
  expect(frames >= gfns.length, 'the frames that were taken out are among those searched')
  expect(found === 0, `no secret is in what the host holds, ${found} were found`)
  return `${gfns.length} pages taken out, ${counted(frames)} frames of the host searched: no secret`
}

export async function readSecrets({ agent, lpid, secrets }: DemoWorld): Promise<string> {
  const before = await agent.ask('look', { lpid })
  for (const { gpa, bytes } of secrets) {
    const end = await agent.ask('load', { lpid, gpa, length: bytes.length })
    expect(end.kind === 'OK' && sameBytes(end.bytes, bytes), `the secret at ${gpa} is intact`)
  }
  const after = await agent.ask('look', { lpid })
  const taken = after.pages_taken - before.pages_taken
  return `${secrets.length} secrets intact, ${taken} pages came in and were decrypted`
}

/**
 * The host offers a changed page to the ultravisor as it serves a guest's page fault. A guest that
 * loaded from it instead would leave Linux with a PFN that it never gets back (a known defect).
 */
export async function tamper(demo: DemoWorld): Promise<string> {
  const { rest, agent, lpid, secrets } = demo
  const secret = secrets[1]
  expect(secret !== undefined, 'there is a second secret')
  const gfn = asGfn(Math.floor(secret.gpa / PAGE_SIZE))
  const path = { lpid, gfn }
  await rest.call('touchFrame', { path })
  const at = asGpa(gpaOf(gfn) + 12_345)
  const byte = await byteAt(demo, at)
  await rest.write(lpid, at, Uint8Array.of(byte ^ 1))
  const code = await codeOf(rest.call('faultFrame', { path }))
  expect(code === -14, `the fault ends with EFAULT, not ${code}`)
  const { refused } = await agent.ask('look', { lpid })
  const expected = `UV_PAGE_IN at 0x${gpaOf(gfn).toString(16)}: U_P3`
  expect(refused.length === 1 && refused[0] === expected, `${expected}, not ${refused.join(', ')}`)
  await rest.write(lpid, at, Uint8Array.of(byte))
  const end = await agent.ask('load', { lpid, gpa: secret.gpa, length: secret.bytes.length })
  expect(sameBytes(end.bytes, secret.bytes), 'with the byte set right the guest reads its secret')
  return `one bit of GFN ${gfn} flipped: UV_PAGE_IN answers U_P3; flipped back: secret intact`
}

async function byteAt({ rest, lpid }: DemoWorld, gpa: ReturnType<typeof asGpa>): Promise<number> {
  for await (const piece of rest.read(lpid, gpa, 1)) return piece[0] ?? 0
  return 0
}

/** The code of an operation, whether it is a success or a refusal. */
async function codeOf(operation: Promise<{ code: number }>): Promise<number | undefined> {
  try {
    return (await operation).code
  } catch (error) {
    if (error instanceof RestError) return error.problem?.code
    throw error
  }
}
