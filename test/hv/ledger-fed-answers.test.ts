/** Which answers a ledger gives while it is read, and which were there before it said so. */
import t from 'tap'
import { FedAnswers } from '../../src/hv/ledger-fed-answers.ts'

t.test(
  'what is fed is no answer at once; what others and itself are told meanwhile is',
  async (t) => {
    const answers = new FedAnswers()
    answers.feed(7, () => {
      answers.answered(7)
      answers.answered(12)
      answers.answered(7)
    })
    t.same([answers.wasAtOnce(12), answers.wasAtOnce(12)], [true, false])
    t.same([answers.wasAtOnce(7), answers.wasAtOnce(7)], [true, false])
  },
)

t.test('each answer at once is told by the ledger, however many an operation has', async (t) => {
  const answers = new FedAnswers()
  for (let n = 0; n < 3; n++) answers.answered(5)
  t.same(
    [1, 2, 3, 4].map(() => answers.wasAtOnce(5)),
    [true, true, true, false],
  )
  t.equal(answers.wasAtOnce(6), false)
})

t.test('after a failure nothing is being fed', async (t) => {
  const answers = new FedAnswers()
  t.throws(() => {
    answers.feed(3, () => {
      throw new Error('no')
    })
  }, /no/)
  answers.answered(3)
  t.equal(answers.wasAtOnce(3), true)
})
