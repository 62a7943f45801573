/** Whom a request comes from, as far as a token says it. */
import { Role } from '../../schemas/rest/access.ts'
import type { Lpid } from '../abi/page.ts'

/** LPIDs from first to last, both included. */
export interface LpidRange {
  readonly first: number
  readonly last: number
}

export interface Principal {
  /** As logs and answers call it: never the token. */
  readonly name: string
  readonly roles: ReadonlySet<Role>
  /** The LPIDs that its ultravisor may have; undefined: any. */
  readonly lpids: readonly LpidRange[] | undefined
  /** True: there are others, whose LPIDs it shall know nothing of. */
  readonly guarded: boolean
}

const ALL_ROLES: ReadonlySet<Role> = new Set(Object.values(Role))

/** Everybody, on a server without tokens. */
export const ANYBODY: Principal = {
  name: 'anybody',
  roles: ALL_ROLES,
  lpids: undefined,
  guarded: false,
}

/** Who shows the one token of a server that has no other. */
export const OWNER: Principal = { name: 'owner', roles: ALL_ROLES, lpids: undefined, guarded: true }

/** Who is known by name only, from an earlier run: nothing is theirs until they show their token. */
export const strangerCalled = (name: string): Principal => ({
  name,
  roles: new Set(),
  lpids: [],
  guarded: true,
})

export const reaches = ({ lpids }: Principal, lpid: Lpid): boolean =>
  lpids === undefined || lpids.some(({ first, last }) => first <= lpid && lpid <= last)
