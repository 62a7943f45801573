/**
 * One line of a story.
 *
 *   H_SVM_PAGE_IN 0 shared        a verb (verbs.ts) and its words
 *   H_SVM_PAGE_IN 0 !-4           the other side's first answer is -4, and it does nothing for it
 *   UV_SHARE_PAGE 0 2 !.,-4       the first request is served (`.`), the second answered with -4
 *   UV_SHARE_PAGE 0 1 [1 touch 0] `touch 0` happens when the first request has been answered, and
 *                                 the guest's call has not gone on yet; [0 ...] before the first
 *   flush slot 0 oom              no normal frame is free meanwhile
 */

export interface Line {
  readonly verb: string
  readonly words: readonly string[]
  /** What the other side answers, in order; `.` and whatever lies behind the end is served. */
  readonly answers: readonly string[]
  readonly meanwhile: ReadonlyMap<number, string>
  readonly oom: boolean
}

export function parseLine(text: string): Line {
  const meanwhile = new Map<number, string>()
  const plain = text.replaceAll(/\[(\d+) ([^\]]+)\]/g, (_, at, line) => {
    meanwhile.set(Number(at), line)
    return ''
  })
  const all = plain.split(' ').filter((word) => word !== '')
  const answers = all.find((word) => word.startsWith('!'))?.slice(1)
  const [verb = '', ...words] = all.filter((word) => !word.startsWith('!') && word !== 'oom')
  return {
    verb,
    words,
    answers: answers === undefined ? [] : answers.split(','),
    meanwhile,
    oom: all.includes('oom'),
  }
}

/** The n-th word as a number. */
export function numberAt({ verb, words }: Line, n: number): number {
  const value = Number(words[n])
  if (!Number.isSafeInteger(value)) throw new Error(`${verb}: word ${n + 1} is no number`)
  return value
}

/** `id:base+pages`. */
export function slotOf(text: string): { id: number; base: number; pages: number } {
  const [id, base, pages] = text.split(/[:+]/).map(Number)
  if (id === undefined || base === undefined || pages === undefined) {
    throw new Error(`no slot: ${text}`)
  }
  return { id, base, pages }
}
