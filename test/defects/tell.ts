/** The catalogue as lines for a terminal, and as the table of the README. */

import { marksOf, partOf, withPart } from '../marked-text.ts'
import { DEFECTS, UNREPEATED } from './catalogue.ts'
import type { Defect, StageOptions, Unrepeated } from './defect.ts'
import { playedUnder, tellStory } from './play.ts'

const isRepeated = (id: string): boolean => DEFECTS.some((defect) => defect.id === id)

/** Every id with its sentence. */
export function listAll(): string[] {
  const all = [...DEFECTS, ...UNREPEATED]
  const width = Math.max(...all.map(({ id }) => id.length))
  return all.map(
    ({ id, what }) => `${id.padEnd(width)}  ${what}${isRepeated(id) ? '' : ' Not repeated here.'}`,
  )
}

/** One defect: what, where, consequence, and its story; undefined for an unknown id. */
export function tellOne(id: string): string[] | undefined {
  const defect = DEFECTS.find((each) => each.id === id)
  if (defect !== undefined) return tellDefect(defect)
  const other = UNREPEATED.find((each) => each.id === id)
  if (other === undefined) return undefined
  return [...tellHead(other), `Here:         ${other.instead}`, ...(other.figures ?? [])]
}

const tellHead = ({ id, what, where, consequence }: Defect | Unrepeated): string[] => [
  id,
  `What:         ${what}`,
  `Where:        ${where}`,
  `Consequence:  ${consequence}`,
]

/** How the lines of a story say what the other side does. */
const LEGEND = [
  '  !  what the other side answers, in order, without doing anything; `.` where it does its work',
  '  [  what happens once the n-th request of the guest has been answered; 0: before the first',
]

function tellDefect(defect: Defect): string[] {
  const { side, profiles, mendedBy, marks, world, differs } = defect
  const real =
    side === 'hv'
      ? `hypervisor ${playedUnder(profiles)} with ultravisor spec`
      : 'ultravisor firmware with hypervisor spec'
  return [
    ...tellHead(defect),
    `Profiles:     ${profiles.join(', ')}`,
    `In the code:  ${marks.join(', ')}`,
    '',
    `Seen in one VM (${tellWorld(world)}),`,
    '  =  in both runs',
    `  -  ${real}`,
    `  +  the same with ${mendedBy.map((name) => `${side}.${name}`).join(' and ')} as documented`,
    ...(/[![]/.test(defect.story) ? LEGEND : []),
    '',
    ...tellStory(defect),
    '',
    `=> ${differs}`,
  ]
}

function tellWorld({
  slots = '0:0+2',
  pool = 4,
  units = 64,
  given = [],
}: StageOptions = {}): string {
  const memory = `${pool} device PFNs, ${units} units of secure memory`
  const size = `slots ${slots} as id:GFN+pages, ${memory}`
  return given.length === 0 ? size : `${size}; first: ${given.join('; ')}`
}

const PART = 'defects'
export const [BEGIN, END] = marksOf(PART)

const row = (...cells: readonly string[]): string =>
  `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`

/** The tables of the README, without the markers. */
export function tellMarkdown(): string {
  const rows = DEFECTS.map(({ id, what, where, consequence, profiles }) =>
    row(what, `${where}; ${profiles.join(', ')}`, consequence, `\`npm run defects -- ${id}\``),
  )
  const others = UNREPEATED.map(({ what, where, consequence, instead }) =>
    row(what, where, consequence, instead),
  )
  return [
    '| What | Where | Consequence | See it |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    'Not repeated here:',
    '',
    '| What | Where | Consequence | Here instead |',
    '| --- | --- | --- | --- |',
    ...others,
  ].join('\n')
}

/** What stands between the markers of a text; undefined when one is missing. */
export const betweenMarkers = (text: string): string | undefined => partOf(text, PART)

/** The text with fresh tables between its markers. */
export const withFreshTables = (text: string): string => withPart(text, PART, tellMarkdown())
