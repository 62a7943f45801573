/** What the documents say that the lab shows is what it shows. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DESIGNS } from '../../src/lab/design.ts'
import { runExperiment } from '../../src/lab/experiment.ts'
import { plotFilesOf } from '../../src/lab/plots.ts'
import { STORIES } from '../../src/lab/story.ts'
import { runSwitch } from '../../src/lab/switch-sizes.ts'
import { partOf, withPart } from '../marked-text.ts'
import { PARTS, PLOTS_FOLDER, readRun } from './documents.ts'

const ROOT = process.cwd()
const textOf = (...path: readonly string[]): string => readFileSync(join(ROOT, ...path), 'utf8')
const fresh = 'uvmem lab run --plots src/lab/plots makes it fresh'
const run = readRun(ROOT)

t.test('the run that is shown is what the lab does today', async (t) => {
  t.equal(run.experiments.length, DESIGNS.length * STORIES.length)
  for (const story of STORIES) {
    for (const design of DESIGNS) {
      const shown = run.experiments.find(
        (each) => each.design === design.name && each.story === story.name,
      )
      const { broken } = runExperiment(design, story, () => 0)
      t.same(shown?.broken, broken, `${design.name}, ${story.name}: ${fresh}`)
    }
  }
})

t.test('so are the figures of its smallest switches; the others were run by hand', async (t) => {
  for (const design of DESIGNS) {
    const shown = run.switches.find((each) => each.design === design.name && each.gigabytes === 1)
    const now = runSwitch(design, 1, run.costs, () => 0)
    t.same({ ...shown, tookMs: 0 }, { ...now, tookMs: 0 }, `${design.name}: ${fresh}`)
  }
  const sizes = new Set(run.switches.map(({ gigabytes }) => gigabytes))
  t.same([...sizes], [1, 10, 100, 1_000])
  t.equal(run.switches.length, sizes.size * DESIGNS.length, 'every design in every size')
})

t.test('the plots are those of that run', async (t) => {
  const files = plotFilesOf(run)
  t.equal(files.length, 4)
  for (const [name, svg] of files) {
    t.equal(textOf(PLOTS_FOLDER, name) === svg, true, `${name}: ${fresh}`)
    t.match(svg, /^<svg xmlns="[^>]+>\n<title>[\s\S]*prefers-color-scheme: dark[\s\S]*<path d="M/)
    t.notMatch(svg, /(src|href)=/, 'it needs nothing from elsewhere')
    t.match(textOf('README.md') + textOf('src', 'lab', 'README.md'), name, `${name} is shown`)
  }
})

t.test('the tables are those of that run', async (t) => {
  for (const { file, name, table } of PARTS) {
    const part = partOf(textOf(file), name)
    const why = `${file}, ${name}: npx tsx test/lab/write-documents.ts makes it fresh`
    t.equal(part, table(run), why)
  }
})

t.test('a part of a text is found and replaced, and nothing else', async (t) => {
  const text = 'a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n'
  t.equal(partOf(text, 'x'), 'old')
  t.equal(withPart(text, 'x', 'new'), 'a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n')
  t.equal(partOf(text, 'y'), undefined, 'another part')
  t.equal(partOf('<!-- x:end --><!-- x:begin -->', 'x'), undefined, 'marks the wrong way round')
})
