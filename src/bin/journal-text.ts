/** Events of the journal, each as a line for people. */
import type { z } from 'zod'
import type { JournalEventFacts } from '../../schemas/rest/journal.ts'

export type JournalEvent = z.output<typeof JournalEventFacts>

/** Characters of the columns in front. */
const SERIAL_WIDTH = 8
const TIME_WIDTH = 10

/** `   12     1.234 vm 3 H_SVM_PAGE_IN gfn 0x1 order 12 -> H_P3: why (function) 0.1 ms`. */
export function eventLine(event: JournalEvent): string {
  const serial = String(event.serial).padStart(SERIAL_WIDTH)
  const time = (event.time_ms / 1_000).toFixed(3).padStart(TIME_WIDTH)
  const vm = event.lpid === 0 ? '' : ` vm ${event.lpid}`
  const inside = event.parent === 0 ? '' : `  in ${event.parent}:`
  const tail = [event.note, durationText(event)].flatMap((text) => text ?? [])
  return `${serial} ${time}${vm}${inside} ${[storyOf(event), ...tail].join('  ')}\n`
}

const isChange = ({ kind }: JournalEvent): boolean => kind === 'frames' || kind === 'vm'

function storyOf(event: JournalEvent): string {
  if (isChange(event)) return `${aimOf(event)} ${event.from} -> ${event.to} by ${event.call}`
  const what = [
    event.kind === 'session' ? `session ${event.call}` : event.call,
    ...(event.gfn === null ? [] : [aimOf(event)]),
    ...Object.entries(event.args).map(([name, value]) => `${name} ${value}`),
  ].join(' ')
  const end = endText(event)
  return end === '' ? what : `${what} -> ${end}`
}

function aimOf({ kind, gfn, count }: JournalEvent): string {
  if (gfn === null) return kind
  const at = `gfn 0x${gfn.toString(16)}`
  return count === null || count === 1 ? at : `${at} +${count}`
}

function endText({ kind, end, name, code, reason, error }: JournalEvent): string {
  if (end === 'open') return '...'
  if (error !== null) return `error: ${error}`
  if (end !== 'done') return end
  if (kind === 'session') return ''
  const answer = name ?? (code === null ? '' : String(code))
  return reason === null ? answer : `${answer}: ${reason.why} (${reason.source})`
}

const durationText = (event: JournalEvent): string | null =>
  event.duration_ms === null || isChange(event) ? null : `${event.duration_ms.toFixed(2)} ms`
