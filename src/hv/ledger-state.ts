/** The whole state as records: what a ledger file begins with. To be asked between operations. */
import { z } from 'zod'
import { invariant } from '../lib/assert.ts'
import type { Host } from '../uvmem/host.ts'
import { snapshotOf } from '../uvmem/snapshot.ts'
import { hostFromSnapshot } from '../uvmem/snapshot-read.ts'
import type { Hypervisor } from './hypervisor.ts'
import { ByteWriter } from './ledger-bytes.ts'
import { type LedgerSession, RecordKind } from './ledger-record.ts'
import { BadRecord } from './ledger-record-read.ts'
import { writeCall, writeJson, writeOutcome } from './ledger-record-write.ts'
import type { Session } from './session.ts'
import { keyOf } from './session-token.ts'

/** The host's record: in the middle of a file it has the snapshot only. */
const HostRecord = z.strictObject({
  host: z.unknown(),
  /** Operations that have come so far: they are counted on. */
  operations: z.int().optional(),
  /** Sessions that have been opened so far. */
  sessions: z.int().optional(),
})
export type HostRecord = z.output<typeof HostRecord>

export function readHostRecord(json: unknown): HostRecord {
  const read = HostRecord.safeParse(json)
  if (read.success) return read.data
  throw new BadRecord('a host that is none')
}

/** The host in a record, for a server with this configuration; throws a BadRecord when it does not fit. */
export function hostFrom(hv: Hypervisor, json: unknown): Host {
  const { profile, poolPages } = hv.config
  const read = hostFromSnapshot(json)
  if ('error' in read) throw new BadRecord(`its state does not fit: ${read.error}`)
  if (read.host.profile !== hv.emptyHost().profile) {
    throw new BadRecord(`its state is of another profile; this host is ${profile}`)
  }
  const pages = read.host.devices.pool.size
  if (pages === poolPages) return read.host
  throw new BadRecord(`its pool has ${pages} pages, this host's ${poolPages}`)
}

/** What a ledger keeps of a session. */
export function factsOf({ serial, name, digest, lpids, link }: Session): LedgerSession {
  const { nextId = 1, highestId = 0, forgotten = [], isWhole = true } = link.restoring?.marks ?? {}
  return {
    serial,
    name,
    who: link.who ?? '',
    token: keyOf(digest),
    lpids: [...lpids].map(Number),
    next_id: nextId,
    highest_id: highestId,
    forgotten: [...forgotten],
    whole: isWhole,
  }
}

function record(out: ByteWriter, kind: number, body: () => void): void {
  out.u32(kind)
  const at = out.length
  out.u32(0)
  body()
  out.setU32(at, out.length - at - 4)
}

/** `operations`: those that have come so far. */
export function stateRecords(hv: Hypervisor, operations: number): Uint8Array {
  invariant(hv.openOperations === 0, 'a state is written down between operations')
  const out = new ByteWriter()
  const host: HostRecord = { host: snapshotOf(hv.host), operations, sessions: hv.sessions.opened }
  record(out, RecordKind.Host, () => writeJson(out, host))
  for (const session of hv.sessions.list()) writeSession(out, session)
  return out.copy()
}

function writeSession(out: ByteWriter, session: Session): void {
  const { serial, link } = session
  record(out, RecordKind.Session, () => writeJson(out, factsOf(session)))
  for (const { low, high, outcome } of link.restoring?.answers() ?? []) {
    record(out, RecordKind.Kept, () => {
      out.u32(serial)
      out.u32(low)
      out.u32(high)
      writeOutcome(out, outcome)
    })
  }
  for (const call of link.restoring?.calls() ?? []) {
    record(out, RecordKind.Call, () => writeCall(out, serial, call))
  }
}
