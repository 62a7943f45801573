/** What the page reckons: frames from compact maps, where they are drawn, numbers as text. */
import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { FrameModel, format, MapView } from './dashboard-modules.ts'
import { ask, FakeUv, server } from './server.ts'

const PAGE = 65_536
const path = { lpid: 1 }

t.test('the model of the page follows the server, map by map', async (t) => {
  const app = server({ hv: { poolPages: 4_000 } })
  t.teardown(() => app.close())
  const slots = [
    { gpa: '0x40000000', size: 1_500 * PAGE },
    { gpa: '0x0', size: 1_100 * PAGE },
  ]
  await ask(app, 'createVm', { body: { lpid: 1, slots } })
  const uv = new FakeUv(app)
  await uv.call({ call: 'H_SVM_INIT_START', lpid: asLpid(1) })
  const model = new FrameModel()
  let epoch = ''
  const update = async () => {
    const query = epoch === '' ? {} : { since: epoch }
    const { bytes, headers } = await ask(app, 'getFrameMap', { path, query })
    epoch = String(headers['etag']).replaceAll('"', '')
    return model.apply(Uint8Array.from(bytes).buffer)
  }
  t.equal(await update(), undefined, 'everything is new')
  t.same(
    model.slots.map(({ id, start }) => [id, start]),
    [
      [1, 0],
      [0, 1_100],
    ],
    'by address, whatever their ids are',
  )
  t.same(model.counts, [2_600, 0, 0, 0])
  t.same(await update(), [], 'nothing has changed')
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const random = prng(seed)
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 80; i++) {
      const index = random.int(2_600)
      const gpa = asGpa((index < 1_100 ? index : 0x4000 + index - 1_100) * PAGE)
      const flags = random.int(2)
      await uv.call({ call: 'H_SVM_PAGE_IN', lpid: asLpid(1), gpa, flags, order: 16 })
    }
    const changes = await update()
    t.ok(changes !== undefined && changes.length > 0)
    const { body } = await ask(app, 'countFrames', { path })
    const told = [body['normal'], body['secure'], body['paged_out'], body['shared']]
    t.same(model.counts, told, `round ${round}: the counts are the server's`)
    const seen = [0, 0, 0, 0]
    for (const state of model.states) seen[state] = (seen[state] ?? 0) + 1
    t.same(seen, told, 'and those of the states')
  }
  t.equal(model.gfnAt(1_100), 0x4000)
  t.equal(model.indexOf(0x4000), 1_100)
  t.equal(model.indexOf(1_100), undefined, 'a GFN in no slot')
  t.equal(model.gfnAt(2_600), undefined)
  await ask(app, 'addSlot', { path, body: { size: PAGE } })
  t.equal(await update(), undefined, 'another slot makes everything new')
  t.equal(model.frames, 2_601)
})

t.test('a VM that has more frames than a map is known in parts', async (t) => {
  const app = server({ hv: { poolPages: 4_000 } })
  t.teardown(() => app.close())
  const most = FrameModel.framesMax
  t.equal(most, 16_777_216)
  const [low, high] = ['0x0', '0x20000000000']
  const slots = [
    { gpa: low, size: (most + 5) * PAGE },
    { gpa: high, size: 7 * PAGE },
  ]
  await ask(app, 'createVm', { body: { lpid: 1, slots } })
  const uv = new FakeUv(app)
  await uv.call({ call: 'H_SVM_INIT_START', lpid: asLpid(1) })
  const secure = async (gfn: number) => {
    const call = { call: 'H_SVM_PAGE_IN', lpid: asLpid(1), flags: 0, order: 16 } as const
    t.equal(await uv.call({ ...call, gpa: asGpa(gfn * PAGE) }), 0)
  }
  await secure(3)
  await secure(most + 1)
  await secure(0x2000000 + 6)
  const model = new FrameModel()
  const update = async () => {
    const { bytes } = await ask(app, 'getFrameMap', { path, query: { from: String(model.from) } })
    return model.apply(Uint8Array.from(bytes).buffer)
  }
  await update()
  t.same([model.total, model.frames, model.counts], [most + 12, most, [most - 1, 1, 0, 0]])
  t.same([model.indexOf(3), model.indexOf(most + 1)], [3, undefined])
  model.turnTo(most)
  t.equal(model.from, most)
  await update()
  t.same([model.frames, model.counts], [12, [10, 2, 0, 0]])
  t.same([...model.states], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
  t.same([model.gfnAt(1), model.gfnAt(11), model.gfnAt(12)], [most + 1, 0x2000006, undefined])
  t.same([model.indexOf(3), model.framesBefore(3)], [undefined, 3])
  t.equal(model.framesBefore(0x2000006), most + 11)
  await ask(app, 'removeSlot', { path: { lpid: 1, slot: 1 } })
  await ask(app, 'removeSlot', { path: { lpid: 1, slot: 0 } })
  await ask(app, 'addSlot', { path, body: { size: PAGE } })
  await update()
  t.same([model.offset, model.total, model.frames], [0, 1, 1], 'back to what there is')
})

t.test('the page takes nothing that is no map', async (t) => {
  t.throws(() => new FrameModel().apply(new Uint8Array(32).buffer), /no map of frames/)
})

t.test(
  'the picture fits its window, zooms about a point, and never leaves the window',
  async (t) => {
    const view = new MapView()
    view.resize(1_638_400, 1_600, 1_000)
    t.equal(view.columns % 64, 0)
    t.ok(view.columns * view.rows >= 1_638_400)
    t.ok(view.isFit)
    t.ok(view.columns * view.scale <= 1_600.001 && view.rows * view.scale <= 1_000.001)
    const before = view.indexAt(800, 500)
    for (let i = 0; i < 20; i++) view.zoom(1.5, 800, 500)
    t.equal(view.indexAt(800, 500), before, 'the frame under the pointer stays there')
    t.equal(view.scale, 64, 'a frame does not grow for ever')
    view.pan(1e9, 1e9)
    t.same([view.left, view.top], [0, 0])
    t.equal(view.indexAt(0, 0), 0)
    view.pan(-1e9, -1e9)
    t.ok(view.indexAt(1_599, 999) === view.columns * view.rows - 1, 'the last one')
    view.zoom(1e-9)
    t.ok(view.isFit)
    const { x, y, size } = view.squareOf(view.columns + 3)
    t.equal(view.indexAt(x + size / 2, y + size / 2), view.columns + 3)
    for (const frames of [0, 1, 5, 16_777_216]) {
      view.resize(frames, 300, 700)
      t.ok(view.columns * view.rows >= frames && view.columns <= 8_192, String(frames))
    }
  },
)

t.test('numbers are written as people read them, and read as they write them', async (t) => {
  const { share, bytes, short, duration, gpaOf, parseSize, parseNumber } = format
  t.same([share(0, 9), share(9, 9), share(0, 0)], ['0 %', '100 %', '0 %'])
  t.same(
    [share(65_235, 65_536), share(1, 65_536), share(65_535, 65_536)],
    ['99.5 %', '< 0.1 %', '> 99.9 %'],
  )
  t.same([bytes(65_536), bytes(2 ** 31), bytes(1_536)], ['64 KiB', '2 GiB', '1.50 KiB'])
  t.same([short(9_999), short(65_236), short(1_638_400)], ['9,999', '65.2 k', '1.64 M'])
  t.same(
    [duration(0.84), duration(2.06), duration(28_300), duration(3_720_000)],
    ['840 µs', '2.06 ms', '28.3 s', '1 h 2 min'],
  )
  t.equal(gpaOf(2 ** 37 - 1), '0x1fffffffff0000', 'exact past 2^53')
  t.same([parseSize('2 GiB'), parseSize('64MiB'), parseSize('0x10000')], [2 ** 31, 2 ** 26, 65_536])
  t.same(
    [parseSize('2 GB'), parseSize(''), parseNumber('1e3'), parseNumber('-1')],
    [undefined, undefined, undefined, undefined],
  )
})
