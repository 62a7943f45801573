import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { linesOf } from '../../src/lab/recordings/lines.ts'
import { listReader } from '../../src/lab/recordings/number-lists.ts'

t.test('lines come as they are, however they lie in what is read at once', async (t) => {
  const long = 'x'.repeat(3_000_000)
  // The second line ends with the first mebibyte, and a letter of two bytes lies across the second.
  const second = 'y'.repeat(2 ** 20 - 3)
  const lines = ['a', second, `${'z'.repeat(2 ** 20 - 1)}\u00e4`, long, 'last']
  const path = join(t.testdir(), 'lines')
  writeFileSync(path, `${lines.slice(0, 2).join('\n')}\n\n  \n${lines.slice(2).join('\n')}`)
  const found: string[] = []
  for await (const line of linesOf(path)) found.push(line)
  t.same(
    found.map((line) => line.length),
    [1, 1_048_573, 1_048_576, 3_000_000, 4],
    'none is lost, and none that is empty is there',
  )
  t.ok(
    found.every((line, i) => line === lines[i]),
    'each as it was written',
  )
  await t.rejects(async () => {
    for await (const _ of linesOf(join(path, 'nowhere'))) t.fail('there is no line')
  })
})

t.test('a list is read once, and then known', async (t) => {
  let reads = 0
  const numbersOf = listReader(/[,;]/, (text) => {
    reads++
    return text === 'two' ? 2 : Number(text)
  })
  t.same(numbersOf('1,two;3'), [1, 2, 3])
  t.same(numbersOf('1,two;3'), [1, 2, 3])
  t.equal(reads, 3, 'each word once')
  t.same([numbersOf(7), numbersOf('')], [[7], []], 'a number is a list, no text is none')
})
