import { Readable } from 'node:stream'
import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { ask, FakeUv, fieldsOf, problemOf, server } from './server.ts'

const PAGE = 65_536
const VM = { lpid: 1 }

/** Two slots: GFN 0 to 3, and 16 to 17. */
async function withVm(pool = 64) {
  const app = server({ hv: { poolPages: pool } })
  const slots = [{ size: 4 * PAGE }, { gpa: 16 * PAGE, size: 2 * PAGE }]
  await ask(app, 'createVm', { body: { lpid: 1, slots } })
  return app
}

function noise(length: number, seed: number): Uint8Array {
  const random = prng(seed)
  return Uint8Array.from({ length }, () => random.int(256))
}

t.test('what is written is read again, wherever it begins and ends', async (t) => {
  const app = await withVm()
  const cases = [
    { gpa: 0, length: 1 },
    { gpa: 5, length: PAGE - 5 },
    { gpa: PAGE - 1, length: 2 },
    { gpa: PAGE, length: PAGE },
    { gpa: 100, length: 3 * PAGE },
    { gpa: 0, length: 4 * PAGE },
    { gpa: 18 * PAGE - 1, length: 1 },
  ]
  for (const { gpa, length } of cases) {
    const bytes = noise(length, gpa + length)
    const put = await ask(app, 'writeMemory', { path: VM, query: { gpa: `${gpa}` }, body: bytes })
    t.same(put.body, { written: length }, `${length} bytes at ${gpa}`)
    const query = { gpa: `0x${gpa.toString(16)}`, length: `${length}` }
    const got = await ask(app, 'readMemory', { path: VM, query })
    t.equal(got.headers['content-length'], `${length}`)
    t.equal(got.headers['content-type'], 'application/octet-stream')
    t.ok(got.bytes.equals(bytes), `${length} bytes at ${gpa} come back`)
  }
})

t.test('a write leaves the bytes around it alone', async (t) => {
  const app = await withVm()
  await ask(app, 'fillMemory', {
    path: VM,
    body: { gpa: 0, size: 2 * PAGE, tag: '0x0102030405060708' },
  })
  const body = Uint8Array.from([0xaa, 0xbb, 0xcc])
  await ask(app, 'writeMemory', { path: VM, query: { gpa: `${PAGE - 1}` }, body })
  const query = { gpa: `${PAGE - 3}`, length: '8' }
  t.equal(
    (await ask(app, 'readMemory', { path: VM, query })).bytes.toString('hex'),
    '0000aabbcc030405',
  )
})

t.test('memory never written reads as zeros', async (t) => {
  const app = await withVm()
  const { bytes } = await ask(app, 'readMemory', {
    path: VM,
    query: { gpa: '3', length: '100000' },
  })
  t.equal(bytes.length, 100_000)
  t.ok(bytes.every((byte) => byte === 0))
})

t.test('an empty body stores nothing', async (t) => {
  const app = await withVm()
  const put = await ask(app, 'writeMemory', {
    path: VM,
    query: { gpa: '0' },
    body: new Uint8Array(),
  })
  t.same(put.body, { written: 0 })
  t.equal(app.hv.host.ram.used, 0)
})

t.test('a page of zeros costs no bytes', async (t) => {
  const app = await withVm()
  const body = new Uint8Array(2 * PAGE)
  body[PAGE] = 1
  await ask(app, 'writeMemory', { path: VM, query: { gpa: '0' }, body })
  t.match((await ask(app, 'getFrame', { path: { lpid: 1, gfn: 0 } })).body, {
    host: { content: 'zeros' },
  })
  t.match((await ask(app, 'getFrame', { path: { lpid: 1, gfn: 1 } })).body, {
    host: { content: 'bytes' },
  })
})

t.test(
  'a range that is not wholly in memory slots is refused before anything is touched',
  async (t) => {
    const app = await withVm()
    const outside = [
      { gpa: `${4 * PAGE}`, length: 1 },
      { gpa: `${4 * PAGE - 1}`, length: 2 },
      { gpa: `${3 * PAGE}`, length: 14 * PAGE },
      { gpa: '9007199254740991', length: 2 },
    ]
    for (const { gpa, length } of outside) {
      const read = await ask(app, 'readMemory', { path: VM, query: { gpa, length: `${length}` } })
      t.match(read.body, { code: -6, name: 'NOSLOT' }, `reading ${length} at ${gpa}`)
      const body = new Uint8Array(length).fill(1)
      const write = await ask(app, 'writeMemory', { path: VM, query: { gpa }, body })
      t.match(write.body, { code: -6, name: 'NOSLOT' }, `writing ${length} at ${gpa}`)
      t.notOk('written' in write.body)
    }
    const body = { gpa: 3 * PAGE, size: 2 * PAGE, tag: 1 }
    t.match((await ask(app, 'fillMemory', { path: VM, body })).body, { name: 'NOSLOT' })
    t.equal(app.hv.host.ram.used, 0)
  },
)

t.test('an upload of unknown length says how far it got', async (t) => {
  const app = await withVm()
  const answer = await app.http.inject({
    method: 'PUT',
    url: `/v1/vms/1/memory?gpa=${2 * PAGE + 10}`,
    headers: { host: 'localhost', 'content-type': 'application/octet-stream' },
    payload: Readable.from([Buffer.alloc(3 * PAGE, 1), Buffer.alloc(PAGE, 2)]),
  })
  t.equal(answer.statusCode, 409)
  t.match(answer.json(), { name: 'NOSLOT', written: 2 * PAGE - 10 })
})

t.test('fill gives tags that rise and wrap', async (t) => {
  const app = await withVm()
  const body = { gpa: '0x100000', size: 2 * PAGE, tag: '0xffffffffffffffff', step: 2 }
  t.same((await ask(app, 'fillMemory', { path: VM, body })).body, { pages: 2 })
  const page = async (gfn: number) => (await ask(app, 'getPage', { path: { lpid: 1, gfn } })).body
  t.same(await page(16), { gfn: 16, page: { tag: '0xffffffffffffffff' } })
  t.same(await page(17), { gfn: 17, page: { tag: '0x1' } })
  t.same(await page(3), { gfn: 3, page: null })
  await ask(app, 'writeMemory', { path: VM, query: { gpa: '0x30000' }, body: Buffer.from('uvmem') })
  const { bytes } = (await page(3))['page'] as { bytes: string }
  t.equal(Buffer.from(bytes, 'base64').subarray(0, 6).toString(), 'uvmem\0')
  t.equal(Buffer.from(bytes, 'base64').length, PAGE)
})

t.test('reading a secure page pages it out: the host sees ciphertext', async (t) => {
  const app = await withVm()
  const uv = new FakeUv(app)
  const lpid = asLpid(1)
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  await uv.call({ call: 'H_SVM_PAGE_IN', lpid, gpa: asGpa(0), flags: 0, order: 16 })
  t.same((await ask(app, 'getPage', { path: { lpid: 1, gfn: 0 } })).body['page'], {
    tag: '0xc0ded',
  })
  t.match(uv.asked.at(-1), { call: 'UV_PAGE_OUT' })
  t.match((await ask(app, 'getFrame', { path: { lpid: 1, gfn: 0 } })).body, { state: 'paged_out' })
})

t.test('a page that cannot be read is refused, with the reason', async (t) => {
  const app = await withVm()
  const uv = new FakeUv(app)
  const lpid = asLpid(1)
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  await uv.call({ call: 'H_SVM_PAGE_IN', lpid, gpa: asGpa(0), flags: 0, order: 16 })
  uv.answers = () => -4
  for (const answer of [
    await ask(app, 'getPage', { path: { lpid: 1, gfn: 0 } }),
    await ask(app, 'readMemory', { path: VM, query: { gpa: '0', length: '9' } }),
  ]) {
    t.equal(answer.status, 409)
    t.match(answer.body, { name: 'SIGBUS', reason: { source: 'kvmppc_svm_page_out' } })
  }
  const body = Buffer.from('x')
  const write = await ask(app, 'writeMemory', { path: VM, query: { gpa: '0' }, body })
  t.match(write.body, { name: 'SIGBUS', written: 0 })
})

t.test('unknown VMs and fields that do not fit', async (t) => {
  const app = await withVm()
  const range = { gpa: '0', length: '1' }
  const none = { lpid: 2 }
  t.equal(problemOf(await ask(app, 'readMemory', { path: none, query: range })), 'vm-unknown')
  const put = await ask(app, 'writeMemory', {
    path: none,
    query: { gpa: '0' },
    body: Buffer.from('x'),
  })
  t.equal(problemOf(put), 'vm-unknown')
  const fill = { gpa: 0, size: PAGE, tag: 1 }
  t.equal(problemOf(await ask(app, 'fillMemory', { path: none, body: fill })), 'vm-unknown')
  t.equal(problemOf(await ask(app, 'getPage', { path: { lpid: 2, gfn: 0 } })), 'vm-unknown')
  t.match((await ask(app, 'getPage', { path: { lpid: 1, gfn: 4 } })).body, { name: 'NOSLOT' })
  const read = async (query: Record<string, string>) =>
    fieldsOf(await ask(app, 'readMemory', { path: VM, query }))
  t.same(await read({}), ['query.gpa', 'query.length'])
  t.same(await read({ gpa: '0', length: '0' }), ['query.length'])
  t.same(await read({ gpa: '0x20000000000000', length: '1' }), ['query.gpa'], 'at 2^53')
  t.same(await read({ ...range, x: '' }), ['query.x'])
  t.same(fieldsOf(await ask(app, 'fillMemory', { path: VM, body: {} })), [
    'body.gpa',
    'body.size',
    'body.tag',
  ])
  for (const [change, field] of [
    [{ gpa: 1 }, 'body.gpa'],
    [{ size: 1 }, 'body.size'],
    [{ tag: -1 }, 'body.tag'],
    [{ tag: '0x10000000000000000' }, 'body.tag'],
    [{ step: 1.5 }, 'body.step'],
  ] as const) {
    const body = { ...fill, ...change }
    t.same(fieldsOf(await ask(app, 'fillMemory', { path: VM, body })), [field])
  }
})
