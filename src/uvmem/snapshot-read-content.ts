/** The contents of pages and the words of tables, as a snapshot has them. */
import { PAGE_SIZE } from '../abi/page.ts'
import { fromBase64 } from '../lib/base64.ts'
import type { JsonField } from '../lib/json-field.ts'
import { WordTable } from '../lib/word-table.ts'
import { type PageEntry, pagesPerRule } from './page-store.ts'

/** A page's content, or that of a chunk of pages; `undefined` when the field is wrong. */
export function readContent(field: JsonField, highest: number): PageEntry | undefined {
  const at = field.at('at').integer(0, highest)
  const entry = field.has('first') ? readRule(field, at) : readPage(field, at)
  return field.fault === undefined ? entry : undefined
}

function readRule(field: JsonField, at: number): PageEntry {
  if (at % pagesPerRule !== 0) field.at('at').refuse(`must be a multiple of ${pagesPerRule}`)
  return {
    at,
    first: field.at('first').hex64(),
    step: field.at('step').hex64(),
    live: field.at('live').integer(1, pagesPerRule),
  }
}

function readPage(field: JsonField, at: number): PageEntry {
  if (field.has('tag')) return { at, page: field.at('tag').hex64() }
  const page = fromBase64(field.at('bytes').text())
  if (page?.length !== PAGE_SIZE) field.at('bytes').refuse(`must be ${PAGE_SIZE} bytes in base64`)
  return { at, page: page ?? null }
}

/** A table of `length` words; `isWord` says which words it may hold. */
export function readWords(
  field: JsonField,
  length: number,
  isWord: (word: number) => boolean,
): WordTable {
  const table = new WordTable(length)
  let at = 0
  for (const run of field.items()) {
    const [count = 0, word = 0, step = 0] = run.numbers(3)
    const fits = count >= 1 && at + count <= length
    if (!fits || step > 1 || !isWord(word) || !isWord(word + step * (count - 1))) {
      run.refuse('is no run of words that fits')
      return table
    }
    table.fill(at, count, word, step === 1 ? 1 : 0)
    at += count
  }
  if (at !== length) field.refuse(`must have ${length} words in all`)
  return table
}
