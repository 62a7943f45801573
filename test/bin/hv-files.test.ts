import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { WebSocket } from 'ws'
import { HvRest } from '../../src/peer/hv-rest.ts'
import { start } from './command.ts'
import { run as say } from './command-line.ts'

const PAGE = 65_536

async function hv(t: Parameters<typeof start>[0], words: readonly string[]) {
  const running = start(t, ['hv', '--port', '0', '--log-level', 'silent', ...words])
  const { url } = JSON.parse(await running.firstLine) as { url: string }
  const end = async () => {
    running.child.kill('SIGTERM')
    return await running.ended
  }
  return { url, rest: new HvRest({ url }), end, running }
}

function files(t: { testdir: (content?: Record<string, string>) => string }) {
  const seed = {
    vms: [
      {
        lpid: 3,
        slots: [{ size: 2 * PAGE }],
        images: [{ gpa: '0x10000', path: 'image.bin' }],
        fills: [{ gpa: 0, size: PAGE, tag: '0x5eed' }],
      },
    ],
  }
  const faults = { rules: [{ call: 'pin', action: { do: 'answer', code: -14 } }] }
  return t.testdir({
    'seed.json': JSON.stringify(seed),
    'faults.json': JSON.stringify(faults),
    'image.bin': 'an image',
  })
}

t.test('a server begins with what its seed and its faults say', async (t) => {
  const folder = files(t)
  const words = ['--seed-file', join(folder, 'seed.json'), '--faults', join(folder, 'faults.json')]
  const { rest, end } = await hv(t, words)
  t.match(await rest.call('getVm', { path: { lpid: 3 } }), { frames: 2, state: 'normal' })
  const page = async (gfn: number) => (await rest.call('getPage', { path: { lpid: 3, gfn } })).page
  t.same(await page(0), { tag: '0x5eed' })
  t.match(await page(1), { bytes: /^YW4gaW1hZ2UAAAAA/ }, 'the path begins at the seed file')
  const pin = rest.call('pinFrame', { path: { lpid: 3, gfn: 0 } })
  t.match(await pin.catch((error: unknown) => error), { status: 409 })
  t.match(await rest.call('listFaults'), { rules: [{ id: 'f1', hits: 1 }] })
  t.match(await end(), { code: 0 })
})

t.test('files that do not fit end it with a sentence', async (t) => {
  const folder = t.testdir({
    'bad.json': '{"vms":[{"lpid":0,"slots":[]}]}',
    'missing.json':
      '{"vms":[{"lpid":1,"slots":[{"size":65536}],"images":[{"gpa":0,"path":"no"}]}]}',
    'text.json': 'vms',
  })
  const of = async (option: string, name: string) => {
    const { code, err } = await say(['hv', '--port', '0', option, join(folder, name)])
    return [code, err.trim().slice(0, 400)] as const
  }
  const cases = [
    ['--seed-file', 'bad.json', 2, 'vms: 0: lpid: the LPID of a guest'],
    ['--seed-file', 'text.json', 2, 'JSON'],
    ['--seed-file', 'none.json', 2, 'ENOENT'],
    ['--faults', 'bad.json', 2, 'rules'],
    ['--seed-file', 'missing.json', 1, 'VM 1: image no:'],
  ] as const
  for (const [option, name, code, says] of cases) {
    const [ended, text] = await of(option, name)
    t.equal(ended, code, `${option} ${name}`)
    t.match(text, option)
    t.ok(text.includes(says), `${option} ${name}: ${text}`)
  }
})

t.test('the state goes from one run to the next, and only one run has it', async (t) => {
  const folder = files(t)
  const dir = join(folder, 'state')
  const words = ['--state-dir', dir, '--seed-file', join(folder, 'seed.json')]
  const first = await hv(t, words)
  await first.rest.call('createVm', { body: { lpid: 9, slots: [{ size: PAGE }] } })
  const second = start(t, ['hv', '--port', '0', ...words])
  t.match(await second.ended, { code: 1, err: /state is in use by process \d+/ })
  t.match(await first.end(), { code: 0 })
  t.notOk(existsSync(join(dir, 'lock')), 'the directory is free')

  const third = await hv(t, words)
  const { vms } = await third.rest.call('listVms')
  t.same(
    vms.map(({ lpid }) => lpid),
    [3, 9],
    'what the seed says was not done twice',
  )
  t.match(await third.rest.call('getPage', { path: { lpid: 3, gfn: 0 } }), {
    page: { tag: '0x5eed' },
  })
  await third.end()

  const file = join(dir, 'host.state')
  const damaged = readFileSync(file, 'utf8').replace('linux-6', 'linux-7')
  writeFileSync(file, damaged)
  const fourth = start(t, ['hv', '--port', '0', ...words])
  t.match(await fourth.ended, { code: 1, err: /host\.state is kept as it is: it is damaged/ })
  t.equal(readFileSync(file, 'utf8'), damaged, 'nothing is written over it')
  t.notOk(existsSync(join(dir, 'lock')))
})

t.test('a state of another profile is refused and kept', async (t) => {
  const dir = join(t.testdir(), 'state')
  await (await hv(t, ['--state-dir', dir])).end()
  const before = readFileSync(join(dir, 'host.state'), 'utf8')
  const other = start(t, ['hv', '--port', '0', '--state-dir', dir, '--profile', 'spec'])
  t.match(await other.ended, { code: 1, err: /kept as it is: .*another profile/ })
  t.equal(readFileSync(join(dir, 'host.state'), 'utf8'), before)
})

t.test(
  'a record is written, runs again, differs where it was changed, and is a trace',
  async (t) => {
    const folder = t.testdir()
    const record = join(folder, 'run.ndjson')
    const { rest, end } = await hv(t, ['--record', record, '--pool', '16'])
    await rest.call('createVm', { body: { lpid: 1, slots: [{ size: 2 * PAGE }] } })
    await rest.call('pinFrame', { path: { lpid: 1, gfn: 1 } })
    await end()
    const text = readFileSync(record, 'utf8')
    t.match(JSON.parse(text.split('\n')[0] ?? ''), { format: 'uvmem-record', pool_pages: 16 })
    t.ok(text.endsWith('\n'), 'the last line is whole')

    t.match(await say(['replay', record]), {
      code: 0,
      out: /^The same: 2 operations in \d+ lines\.\n$/,
    })
    t.match(JSON.parse((await say(['replay', record, '--json'])).out), {
      how: 'same',
      operations: 2,
    })

    const changed = join(folder, 'changed.ndjson')
    writeFileSync(changed, text.replace(/("n":2,"how":"done","code":)0/, '$1-17'))
    const different = await say(['replay', changed])
    t.equal(different.code, 1)
    t.match(
      different.out,
      /Line \d+ goes another way\.\n {2}after .*"pin".*\n {2}recorded .*-17\n {2}replayed .* 0\n/s,
    )

    const trace = join(folder, 'trace.json')
    t.match(await say(['trace', record, '--perfetto', trace]), { code: 0, out: '' })
    const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8')) as {
      traceEvents: { ph: string; name: string }[]
    }
    t.same(
      traceEvents.filter(({ ph }) => ph === 'X').map(({ name }) => name),
      ['add_slot', 'pin'],
    )
  },
)

t.test('records that cannot be read, and files that cannot be written', async (t) => {
  const folder = t.testdir({ empty: '', 'other.ndjson': '{"e":"no"}\n', kept: 'as it was' })
  const at = (name: string) => join(folder, name)
  for (const name of ['none', '.', 'empty', 'other.ndjson']) {
    t.match(await say(['replay', at(name)]), { code: 1, out: '' }, name)
    const { code } = await say(['trace', at(name), '--perfetto', at('kept')])
    t.equal(code, 1, name)
    if (name !== 'other.ndjson') t.equal(readFileSync(at('kept'), 'utf8'), 'as it was')
  }
  t.match(await say(['trace', at('empty')]), { code: 2, err: /--perfetto/ })
  t.match(await say(['replay', at('empty'), '--profile', 'vms']), { code: 2, err: /--profile/ })
  const { code, err } = await say(['hv', '--port', '0', '--record', at('no/where')])
  t.equal(code, 1)
  t.match(err, '--record')
})

t.test('a call that never ends does not keep the state from being kept', async (t) => {
  const dir = join(t.testdir(), 'state')
  const { url, rest, end } = await hv(t, ['--state-dir', dir])
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/uv`, 'uvmem.v1.json')
  t.teardown(() => socket.terminate())
  await new Promise((done) => socket.once('open', done))
  const call = (id: number, method: string, params: object) => {
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
  }
  const asked = new Promise<string>((done) => {
    socket.on('message', (data) => {
      if (String(data).includes('"method":"UV_REGISTER_MEM_SLOT"')) done(String(data))
    })
  })
  const slot = { lpid: 1, start_gpa: 0, size: PAGE, flags: 0, slotid: 0 }
  call(1, 'SESSION_OPEN', { name: 'mute' })
  call(2, 'UV_REGISTER_MEM_SLOT', slot)
  call(3, 'H_SVM_INIT_START', { lpid: 1 })
  await asked
  await rest.call('addFault', { body: { call: 'pin', action: { do: 'delay', ms: 60_000 } } })
  const pinned = rest.call('pinFrame', { path: { lpid: 1, gfn: 0 } }).catch(() => undefined)
  const before = performance.now()
  t.match(await end(), { code: 0, err: '' })
  t.ok(performance.now() - before < 8_000, 'it does not wait for who never answers')
  t.match(JSON.parse(readFileSync(join(dir, 'host.state'), 'utf8').split('\n')[1] ?? ''), {
    vms: [{ lpid: 1 }],
  })
  t.notOk(existsSync(join(dir, 'lock')))
  await pinned
})

const full = existsSync('/dev/full') ? false : 'there is no /dev/full here'
t.test('a record on a full disk ends, and the server goes on', { skip: full }, async (t) => {
  const { rest, end } = await hv(t, ['--record', '/dev/full'])
  await rest.call('createVm', { body: { lpid: 1, slots: [{ size: PAGE }] } })
  await new Promise((done) => setTimeout(done, 500))
  await rest.call('pinFrame', { path: { lpid: 1, gfn: 0 } })
  t.equal((await rest.call('getHost')).vms, 1)
  const { code, err } = await end()
  t.equal(code, 0)
  t.match(err, /^--record \/dev\/full: ENOSPC.*: the record ends here, the server goes on\n$/)
})

t.test('the journal keeps as many events as it is told to, a power of two', async (t) => {
  const of = (count: string) => say(['hv', '--port', '99999', '--journal-entries', count])
  for (const count of ['1023', '1025', '4194305', '3000']) {
    t.match((await of(count)).err, '--journal-entries', count)
  }
  for (const count of ['1024', '4194304']) t.notMatch((await of(count)).err, '--journal-entries')
})
