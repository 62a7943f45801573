import t from 'tap'
import { searchCost, wordsToFill, wordsToFind } from '../../src/lab/allocator.ts'
import { DEFAULT_COSTS, predictSeconds } from '../../src/lab/cost-model.ts'
import { DESIGNS, designNamed } from '../../src/lab/design.ts'
import { runExperiment } from '../../src/lab/experiment.ts'
import { STORIES, storyNamed } from '../../src/lab/story.ts'
import { runSwitch } from '../../src/lab/switch-sizes.ts'
import { present } from '../../src/lib/assert.ts'

const now = () => 0

/** What breaks, in the order in which it does; an empty text is "holds". By story, then design. */
const OUTCOMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  switch: { 'linux-5.6+necessary': 'I1 I2 I5' },
  hotplug: {
    'linux-5.6+all': 'I1 I2 I4',
    'linux-5.6+necessary': 'I1 I2 I5 I4',
    stateless: 'I1 I2',
  },
  'early page-out': { 'linux-5.6+necessary': 'I1 I2 I5', 'series-v1': 'I2 I4' },
  'early flush': {
    'linux-5.6+necessary': 'I1 I2 I5',
    'series-v2': 'I2',
    'series-v3': 'I2',
    'linux-6': 'I2',
  },
  'reboot after a share': { 'linux-5.6+necessary': 'I1 I2 I5' },
  'swapped ciphertext': {
    'linux-5.6+all': 'I4',
    'linux-5.6+necessary': 'I1 I2 I5',
    'series-v1': 'I4',
    'series-v2': 'I4',
    'series-v3': 'I4',
    'linux-6': 'I4',
  },
  tampering: {
    'linux-5.6+all': 'I2',
    'linux-5.6+necessary': 'I1 I2 I5',
    'series-v1': 'I2 I6',
    'series-v2': 'I2 I6',
    'series-v3': 'I2 I6',
    'linux-6': 'I2 I6',
  },
}

t.test('every story ends under every design as the mechanism makes it end', async (t) => {
  t.same(
    STORIES.map(({ name }) => name),
    Object.keys(OUTCOMES),
    'no story is left out',
  )
  for (const story of STORIES) {
    for (const design of DESIGNS) {
      const { broken, first, steps } = runExperiment(design, story, now)
      const expected = OUTCOMES[story.name]?.[design.name] ?? ''
      t.equal(broken.join(' '), expected, `${design.name}, ${story.name}`)
      t.equal(first?.id, broken[0], 'the first broken invariant is told')
      t.ok(steps.length > 0 && steps.length <= story.ops.length, 'with the steps up to it')
    }
  }
})

const mechanisms = [
  {
    why: 'v1 takes a page that was paged out for a normal one, and drops its ciphertext',
    design: 'series-v1',
    story: 'early page-out',
    gfn: 1,
    what: 'secure at the hypervisor, PAGEDOUT at the ultravisor',
  },
  {
    why: 'v2 leaves flushed frames marked as paged out, which INIT_DONE then skips',
    design: 'series-v2',
    story: 'early flush',
    gfn: 1,
    what: 'paged_out at the hypervisor, SECURE at the ultravisor',
  },
  {
    why: 'what was merged forgets at a flush that a frame is shared, and INIT_DONE secures it',
    design: 'linux-6',
    story: 'early flush',
    gfn: 4,
    what: 'secure at the hypervisor, PSEUDO_SHARED at the ultravisor',
  },
  {
    why: 'linux-5.6 takes what was not asked for, for normal',
    design: 'linux-5.6+necessary',
    story: 'switch',
    gfn: 0,
    what: 'normal at the hypervisor, SECURE at the ultravisor',
  },
]
t.test('what breaks first names the frame and both sides', async (t) => {
  for (const { why, design, story, gfn, what } of mechanisms) {
    const run = runExperiment(
      present(designNamed(design), design),
      present(storyNamed(story), story),
      now,
    )
    t.match(run.first, { gfn, what }, why)
  }
})

t.test('only designs that ask page by page grow with the VM', async (t) => {
  const grows = ['linux-5.6+all', 'stateless']
  for (const design of DESIGNS) {
    const small = runSwitch(design, 0.0625, DEFAULT_COSTS, now)
    const big = runSwitch(design, 0.25, DEFAULT_COSTS, now)
    t.equal(big.result, 'secure', design.name)
    t.equal(big.ultracalls - small.ultracalls, grows.includes(design.name) ? 3_072 : 0, design.name)
    t.equal(small.disagreements, design.name === 'linux-5.6+necessary' ? 100 : 0, design.name)
  }
})

t.test('the prediction for 100 GB is that of the thread', async (t) => {
  const pages = { asked: 1_638_400, local: 0, offered: 0 }
  t.equal(predictSeconds(pages, DEFAULT_COSTS), 419.4304, 'about 7 minutes')
  t.equal(predictSeconds({ asked: 0, local: 1_000_000, offered: 0 }, DEFAULT_COSTS), 1)
})

t.test('the search from bit 0 is counted word by word', async (t) => {
  t.same([0, 63, 64, 128].map(wordsToFind), [1, 1, 2, 3])
  t.equal(wordsToFill(65), 66, '64 searches of one word and one of two')
  let counted = 0
  for (let taken = 0; taken < 10_000; taken++) counted += wordsToFind(taken)
  t.equal(wordsToFill(10_000), counted, 'the closed form is the sum')
  const { linuxSeconds, ourWords } = searchCost(1_638_400)
  t.ok(linuxSeconds > 6 && linuxSeconds < 10, `${linuxSeconds} s at 100 GB`)
  t.equal(ourWords, 300)
})
