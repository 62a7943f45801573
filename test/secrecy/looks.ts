/** Everything that the hypervisor shows of itself over REST, as plain bytes. */
import type { Operation } from '../../schemas/rest/operation.ts'
import { OPERATIONS, type OperationName } from '../../schemas/rest/operations.ts'
import type { Gfn, Lpid } from '../../src/abi/page.ts'

/** What has a place of its own, never ends, or waits for something that will not be. */
const LEFT_OUT: ReadonlySet<OperationName> = new Set([
  ...(['listJournal', 'followJournal', 'getSnapshot', 'getVmSnapshot'] as const),
  ...(['readMemory', 'getPage', 'getFault'] as const),
  ...(['waitForVm', 'waitForFrame', 'waitForSession', 'waitForCount'] as const),
])

const QUERIES: Partial<Record<OperationName, string>> = {
  listFrames: '?limit=10000',
}

/** Paths of every operation that only looks. */
export function pathsOfLooks(lpids: readonly Lpid[], gfn: Gfn): readonly string[] {
  return (Object.keys(OPERATIONS) as OperationName[]).flatMap((name) => {
    const { method, route }: Operation = OPERATIONS[name]
    if (method !== 'GET' || LEFT_OUT.has(name)) return []
    const of = (lpid: Lpid): string =>
      route.replace('{lpid}', String(lpid)).replace('{gfn}', String(gfn)) + (QUERIES[name] ?? '')
    return route.includes('{lpid}') ? lpids.map(of) : [of(lpids[0] as Lpid)]
  })
}

/**
 * On a connection of its own: the server writes its heap to a file between two looks, which stops it for
 * as long as it takes, and what it does first when it goes on is to close connections that were idle for
 * too long. A request that is on its way on one of them then fails.
 */
const ALONE = { connection: 'close' } as const

/** The bytes of an answer; throws when it is none of success. */
export async function bytesAt(url: string, path: string): Promise<Uint8Array> {
  const reply = await fetch(`${url}${path}`, { headers: ALONE })
  const bytes = new Uint8Array(await reply.arrayBuffer())
  if (!reply.ok) throw new Error(`${path}: ${reply.status} ${Buffer.from(bytes).toString()}`)
  return bytes
}

/** Follows a stream until `signal` says so. */
export async function follow(
  url: string,
  path: string,
  take: (piece: Uint8Array) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const reply = await fetch(`${url}${path}`, { signal })
    for await (const piece of reply.body ?? []) take(piece as Uint8Array)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
