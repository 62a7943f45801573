/**
 * One line for every call, for people who watch: `uvmem hv --log-calls`.
 *
 *   0.512 vm 1 H_SVM_PAGE_IN gfn 0x10 -> H_PARAMETER (kvmppc_h_svm_page_in: the GFN is secure already)
 *   0.513 vm 1   UV_PAGE_OUT gpa 0x20000 -> U_SUCCESS
 */
import { WIRE_ERROR } from '../../schemas/errors.ts'
import type { DownCall } from '../../schemas/messages.ts'
import { hex } from '../../schemas/values.ts'
import { journalCodeName } from '../hv/journal-codes.ts'
import type { Ended, Operation } from '../hv/operation.ts'
import { codeOf } from '../hv/vmm-call.ts'
import { type HvWatch, NO_WATCH } from '../hv/watch.ts'
import { unreachable } from '../lib/assert.ts'

function endText({ name }: Operation, end: Ended<unknown>): string {
  switch (end.how) {
    case 'done': {
      const { result, reason } = end
      const why = reason === undefined ? '' : ` (${reason.source}: ${reason.why})`
      return `${journalCodeName(name, codeOf(result))}${why}`
    }
    case 'fault':
      return `host fault ${end.fault.kind}: ${end.fault.message}`
    case 'gone':
      return 'the VM is gone'
    default:
      return unreachable(end)
  }
}

/** What an ultracall is about. */
function aim(call: DownCall): string {
  if ('gpa' in call) return ` gpa ${hex(call.gpa)}`
  if (call.call === 'UV_REGISTER_MEM_SLOT') {
    return ` slot ${call.slotId} at ${hex(call.startGpa)}, ${hex(call.size)} bytes`
  }
  return 'slotId' in call ? ` slot ${call.slotId}` : ''
}

/** `now`: milliseconds since the start; `write` takes a line at a time. */
export function callLog(now: () => number, write: (line: string) => void): HvWatch {
  const line = (lpid: number, text: string): void =>
    write(`${(now() / 1_000).toFixed(3)} vm ${lpid} ${text}\n`)
  return {
    ...NO_WATCH,
    answered: (_op, call, ret, error) => {
      const given = journalCodeName(call.call, ret)
      line(
        call.lpid,
        `  ${call.call}${aim(call)} -> ${given}${error === undefined ? '' : ` (${error})`}`,
      )
    },
    ended: (op, end) => {
      const about = op.gfn === undefined ? '' : ` gfn ${hex(op.gfn)}`
      line(op.lpid, `${op.name}${about} -> ${endText(op, end)}`)
    },
    refused: ({ body }, error) => {
      const lpid = 'lpid' in body ? body.lpid : 0
      line(lpid, `${body.call} -> error ${WIRE_ERROR[error].code} ${WIRE_ERROR[error].text}`)
    },
    opened: ({ id, name }) => write(`session ${id} opened by ${name}\n`),
    detached: ({ id }) => write(`session ${id} has lost its connection\n`),
    attached: ({ id }) => write(`session ${id} goes on\n`),
    closed: ({ id }) => write(`session ${id} closed\n`),
  }
}
