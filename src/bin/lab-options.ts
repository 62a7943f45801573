/** The options of `uvmem lab run`. */
import { z } from 'zod'
import { DEFAULT_COSTS } from '../lab/cost-model.ts'
import { DESIGNS } from '../lab/design.ts'
import { flag, integer, list, option, text } from './option.ts'

const NAMES = DESIGNS.map(({ name }) => name)

/** A thousandth of a microsecond is as fine as costs are given. */
const cost = (fallback: number, what: string) =>
  option(integer(0, 1_000_000, 'microseconds').default(fallback), what, {
    value: 'us',
    shownDefault: String(fallback),
  })

/** Gigabytes, of 16,384 pages each. */
function sizes() {
  const expected = 'sizes such as 1GB,100GB,1TB (1 GB to 4 TB), or none'
  return z.string({ error: expected }).transform((given, context): number[] => {
    if (given === 'none') return []
    const found = given.split(',').map((each) => {
      const [, number, unit] = /^(\d+(?:\.\d+)?)(GB|TB)$/i.exec(each.trim()) ?? []
      return Number(number) * (unit?.toUpperCase() === 'TB' ? 1_000 : 1)
    })
    if (found.every((each) => each > 0 && each <= 4_000)) return found
    context.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })
}

const designs = list('designs').transform((given, context) => {
  const unknown = given.find((name) => !NAMES.includes(name))
  if (unknown === undefined) return given
  context.addIssue({ code: 'custom', message: `one of ${NAMES.join(', ')}` })
  return z.NEVER
})

export const LabOptions = z.strictObject({
  design: option(designs.default(NAMES), `only this one: ${NAMES.join(', ')}`, {
    kind: 'list',
    value: 'name',
    shownDefault: 'all',
  }),
  sizes: option(
    sizes().default([1, 10, 100, 1_000]),
    'VM sizes for the switch, with commas; none leaves it out',
    { value: 'sizes', shownDefault: '1GB,10GB,100GB,1TB' },
  ),
  costPageIn: cost(DEFAULT_COSTS.usPerPageIn, 'predicted cost of a page through H_SVM_PAGE_IN'),
  costLocal: cost(DEFAULT_COSTS.usPerLocalPage, 'predicted cost of a page secured locally'),
  wire: option(flag('wire').default(false), 'play the stories over a real socket', {
    kind: 'flag',
  }),
  json: option(flag('json').default(false), 'print one JSON object', { kind: 'flag' }),
  html: option(text('a path').optional(), 'write an offline page with plots', { value: 'file' }),
  plots: option(text('a path').optional(), 'write the plots as SVG files, and their figures', {
    value: 'folder',
  }),
})
export type LabOptions = z.output<typeof LabOptions>
