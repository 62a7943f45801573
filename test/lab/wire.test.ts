import t from 'tap'
import { DEFAULT_COSTS } from '../../src/lab/cost-model.ts'
import { DESIGNS } from '../../src/lab/design.ts'
import { runExperiment } from '../../src/lab/experiment.ts'
import { runLab } from '../../src/lab/lab.ts'
import { STORIES } from '../../src/lab/story.ts'
import { present } from '../../src/lib/assert.ts'

t.test('every story ends over a real socket as it does in one process', async (t) => {
  const ports = { now: () => 0, tell: () => undefined }
  const plan = { designs: DESIGNS, stories: STORIES, sizes: [], costs: DEFAULT_COSTS, wire: true }
  const { experiments, switches } = await runLab(plan, ports)
  t.same(switches, [])
  t.equal(experiments.length, DESIGNS.length * STORIES.length)
  for (const run of experiments) {
    const design = present(
      DESIGNS.find(({ name }) => name === run.design),
      run.design,
    )
    const story = present(
      STORIES.find(({ name }) => name === run.story),
      run.story,
    )
    const here = runExperiment(design, story, () => 0)
    const name = `${run.design}, ${run.story}`
    t.same(run.broken, here.broken, name)
    t.same(run.first, here.first, `${name}: the same frame`)
    t.equal(run.ultracalls, here.ultracalls, `${name}: as many ultracalls`)
    t.equal(run.hypercalls, here.hypercalls, `${name}: as many hypercalls`)
    t.equal(run.pagesMoved, here.pagesMoved, `${name}: as many pages`)
    t.same(run.steps, here.steps, `${name}: the same steps`)
  }
})
