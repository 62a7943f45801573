/** The frame that a call of the wire is about. */
import type { WireCall } from '../../schemas/messages.ts'
import { type Gfn, gfnOf } from '../abi/page.ts'

/** Undefined for a call that is about no frame, or about many. */
export function gfnOfCall(body: WireCall): Gfn | undefined {
  // The calls that come for each page are known by name: `in` looks at the object, which costs more.
  if (body.call === 'H_SVM_PAGE_IN' || body.call === 'UV_PAGE_IN') return gfnOf(body.gpa)
  return 'gpa' in body ? gfnOf(body.gpa) : undefined
}

/** 0 for the one call that is about no VM. */
export const lpidOfCall = (body: WireCall): number => (body.call === 'SESSION_OPEN' ? 0 : body.lpid)
