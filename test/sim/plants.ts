/**
 * Defects that are planted to see whether a run finds them: each takes away one thing that sessions,
 * ledger or isolation rest on, and says how to put it back.
 */
import { Durable } from '../../src/hv/durable.ts'
import { Inbox } from '../../src/peer/rpc-inbox.ts'
import { KeptAnswers } from '../../src/peer/rpc-kept-answers.ts'
import { Resume } from '../../src/peer/rpc-resume.ts'

/** Puts something else in the place of a member; returns how to put it back. */
function replace(prototype: object, name: string, member: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(prototype, name)
  Object.defineProperty(prototype, name, { configurable: true, ...member })
  return () => {
    if (before !== undefined) Object.defineProperty(prototype, name, before)
  }
}

export interface Plant {
  readonly what: string
  readonly plant: () => () => void
}

export const PLANTS: readonly Plant[] = [
  {
    what: 'a call that comes again is executed again',
    plant: () => {
      const { value: meet } = Object.getOwnPropertyDescriptor(Inbox.prototype, 'meet') ?? {}
      return replace(Inbox.prototype, 'meet', {
        value(this: Inbox<never, never>, call: never) {
          const met: unknown = Reflect.apply(meet, this, [call])
          return met === 'answered' ? 'new' : met
        },
      })
    },
  },
  {
    what: 'answers are not kept',
    plant: () => replace(KeptAnswers.prototype, 'find', { value: () => -1 }),
  },
  {
    what: 'nothing is sent again',
    plant: () => replace(Resume.prototype, 'say', { value: () => [] }),
  },
  {
    what: 'answers leave before they are on the disk',
    plant: () => replace(Durable.prototype, 'isSafe', { get: () => true }),
  },
]
