/** What the contents of a big SVM cost. */
import t from 'tap'
import { asGfn } from '../../src/abi/page.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { settle } from './uv-for-test.ts'

t.test('1.6 million tags take about eight bytes each', async (t) => {
  const { uv, svm } = settle({
    contentMode: 'tag',
    slots: [[1, 0, 1_638_400]],
    secureUnits: 51_200,
    state: SvmState.Active,
  })
  t.equal(uv.availableUnits, 0)
  const before = process.memoryUsage()
  for (let i = 0; i < 1_638_400; i++) svm.contents.set(asGfn(i), BigInt(i))
  const after = process.memoryUsage()
  const grown = after.arrayBuffers - before.arrayBuffers
  t.ok(grown < 14 * 2 ** 20, `13 MB of tags: ${grown}`)
  t.equal(svm.contents.get(asGfn(1_638_399)), 1_638_399n)
})
