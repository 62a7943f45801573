/** What a hypervisor says on the wire, written out, for tests that play it by hand. */
import type { SessionFacts } from '../../schemas/messages.ts'

const HOST = { page_shift: 16, pool_pages: 9, profile: 'spec' }

/** What a client makes of `opened`. */
export const FACTS: SessionFacts = {
  session: 's1',
  token: 'secret',
  host: { pageShift: 16, poolPages: 9, profile: 'spec' },
}

export const answer = (id: number, more: object = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id, result: { ret: 0, name: 'H_SUCCESS', ...more } })
export const opened = (id: number): string =>
  answer(id, { session: 's1', token: 'secret', host: HOST })
export const refused = (id: number, code: number): string =>
  JSON.stringify({ jsonrpc: '2.0', id, error: { code, message: 'No.' } })
/** An ultracall. */
export const terminate = (id: number): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'UV_SVM_TERMINATE', params: { lpid: 1 } })
