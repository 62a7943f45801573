/** The evidence as a table for people. */
import type { Evidence, EvidenceRow } from './figure.ts'

const number = (value: number): string => value.toLocaleString('en-US')

function timeOf(ms: number): string {
  if (ms < 60_000) return `${Math.max(1, Math.round(ms / 1_000))} s`
  return `${(ms / 60_000).toFixed(1)} min`
}

function figureOf({ ok, count, unit, also = {}, durationMs }: EvidenceRow): string {
  const more = Object.entries(also).map(([name, value]) => `${number(value)} ${name}`)
  const counts = [`${number(count)} ${unit}`, ...more].join(', ')
  return `${ok ? 'kept' : '**BROKEN**'}: ${counts}, ${timeOf(durationMs)}`
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** When and of what: the newest of the rows. */
function madeOf({ node, cores, rows }: Evidence): string {
  const newest = [...rows].sort((a, b) => (a.date < b.date ? -1 : 1)).at(-1)
  const when =
    newest === undefined ? 'never' : `${newest.date.slice(0, 10)}, commit \`${newest.commit}\``
  return `${when}, Node ${node}, ${cores} cores`
}

/** What stands in the README. */
export function tableOf(evidence: Evidence): string {
  return [
    '| promise | fault | figure | command |',
    '| --- | --- | --- | --- |',
    ...evidence.rows.map((row) => {
      const { promise, fault, command } = row
      return `| ${cell(promise)} | ${cell(fault)} | ${figureOf(row)} | \`${cell(command)}\` |`
    }),
    '',
    `Last run: ${madeOf(evidence)}. Seeds and commits of each row: [test/evidence/evidence.md](test/evidence/evidence.md).`,
  ].join('\n')
}

/** The document beside the figures. */
export function documentOf(evidence: Evidence): string {
  const { minutes, rows } = evidence
  const failed = rows.filter(({ ok }) => !ok)
  return [
    '# Evidence',
    '',
    `Made by \`npm run evidence -- --minutes ${minutes}\`, single rows by \`--only ID --count N\`.`,
    `Last run: ${madeOf(evidence)}. A \`+\` behind a commit: something in it was changed.`,
    '',
    '| id | figure | seeds | commit, date | command |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map((row) => {
      const { id, seeds, commit, date, command } = row
      const when = `\`${commit}\`, ${date.slice(0, 16).replace('T', ' ')}`
      return `| ${id} | ${figureOf(row)} | ${seeds.join(', ') || 'none'} | ${when} | \`${cell(command)}\` |`
    }),
    ...(failed.length === 0 ? [] : ['', '## What was broken', '']),
    ...failed.flatMap(({ id, why }) => [`### ${id}`, '', '```text', why ?? '', '```', '']),
    '',
  ].join('\n')
}
