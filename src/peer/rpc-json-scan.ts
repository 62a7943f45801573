/**
 * Reads the messages that come by the hundred thousand straight from their text: page hypercalls,
 * the ultracalls they lead to, and answers of success, all in the very form in which this program
 * writes them, down to the character.
 *
 * Whatever looks different in any way is not judged here but by the schemas: `scan` says undefined,
 * and the whole message is parsed and validated as ever. What is read here is what the schemas
 * accept, with the same outcome: tests hold the two against each other.
 */
import { LIMITS } from '../../schemas/limits.ts'
import type { DownCall, UpCall, WireCall } from '../../schemas/messages.ts'
import { CALL_ID_MAX } from '../../schemas/values.ts'
import type { CallName } from '../abi/calls.ts'
import { asGpa, asLpid, asRa, LPID_MAX, PAGE_SHIFT, type Page } from '../abi/page.ts'
import type { Received } from './rpc-codec.ts'
import { TextScanner } from './rpc-json-scanner.ts'

/** Reads the params of one call behind `"lpid":` as far as `parent`. */
type ReadBody<Body> = (scanner: TextScanner) => Body | undefined

/** A call that is read here: what stands between its id and its LPID, and how its params are read. */
interface ScannedCall<Body> {
  readonly head: string
  readonly read: ReadBody<Body>
}

type OpenCall<Ours> = (id: number) => Ours | undefined

/** Flags 0 and the only order there is, behind a value. */
const USUAL = '","flags":"0x0","order":"0x10"'

/** The calls that are answered by a code alone. */
const PLAIN: ReadonlySet<CallName> = new Set(['H_SVM_PAGE_IN', 'H_SVM_PAGE_OUT', 'UV_PAGE_IN'])

const scanned = <Body extends WireCall>(
  call: Body['call'],
  read: ReadBody<Body>,
): ScannedCall<Body> => ({ head: `,"method":"${call}","params":{"lpid":`, read })

const readPageHcall =
  <Name extends 'H_SVM_PAGE_IN' | 'H_SVM_PAGE_OUT'>(call: Name) =>
  (scanner: TextScanner) => {
    const lpid = scanner.integer(1, LPID_MAX)
    if (lpid === 0 || !scanner.skip(',"gpa":"0x')) return undefined
    const gpa = scanner.hex()
    if (gpa < 0) return undefined
    if (scanner.skip(USUAL)) {
      return { call, lpid: asLpid(lpid), gpa: asGpa(gpa), flags: 0, order: PAGE_SHIFT }
    }
    if (!scanner.skip('","flags":"0x')) return undefined
    const flags = scanner.hex()
    if (flags < 0 || !scanner.skip('","order":"0x')) return undefined
    const order = scanner.hex()
    if (order < 0 || !scanner.skip('"')) return undefined
    return { call, lpid: asLpid(lpid), gpa: asGpa(gpa), flags, order }
  }

/** The params that UV_PAGE_IN and UV_PAGE_OUT have in common. */
function readPageUcall(scanner: TextScanner) {
  const lpid = scanner.integer(1, LPID_MAX)
  if (lpid === 0 || !scanner.skip(',"ra":"0x')) return undefined
  const ra = scanner.hex()
  if (ra < 0 || !scanner.skip('","gpa":"0x')) return undefined
  const gpa = scanner.hex()
  if (gpa < 0) return undefined
  if (scanner.skip(USUAL)) {
    return { lpid: asLpid(lpid), ra: asRa(ra), gpa: asGpa(gpa), flags: 0, order: PAGE_SHIFT }
  }
  if (!scanner.skip('","flags":"0x')) return undefined
  const flags = scanner.hex()
  if (flags < 0 || !scanner.skip('","order":"0x')) return undefined
  const order = scanner.hex()
  if (order < 0 || !scanner.skip('"')) return undefined
  return { lpid: asLpid(lpid), ra: asRa(ra), gpa: asGpa(gpa), flags, order }
}

function readPageIn(scanner: TextScanner): DownCall | undefined {
  const params = readPageUcall(scanner)
  if (params === undefined) return undefined
  const { lpid, ra, gpa, flags, order } = params
  let page: Page = null
  if (scanner.skip(',"page":{"tag":"0x')) {
    const tag = scanner.word()
    if (tag === undefined || !scanner.skip('"}')) return undefined
    page = tag
  }
  return { call: 'UV_PAGE_IN', lpid, ra, gpa, flags, order, page }
}

function readPageOut(scanner: TextScanner): DownCall | undefined {
  const params = readPageUcall(scanner)
  if (params === undefined) return undefined
  const { lpid, ra, gpa, flags, order } = params
  return { call: 'UV_PAGE_OUT', lpid, ra, gpa, flags, order }
}

const UP: readonly ScannedCall<UpCall>[] = [
  scanned('H_SVM_PAGE_IN', readPageHcall('H_SVM_PAGE_IN')),
  scanned('H_SVM_PAGE_OUT', readPageHcall('H_SVM_PAGE_OUT')),
]
const DOWN: readonly ScannedCall<DownCall>[] = [
  scanned('UV_PAGE_IN', readPageIn),
  scanned('UV_PAGE_OUT', readPageOut),
]

function scanItem<Ours extends WireCall, Theirs extends WireCall>(
  scanner: TextScanner,
  calls: readonly ScannedCall<Theirs>[],
  openCall: OpenCall<Ours>,
): Received<Theirs> | undefined {
  if (!scanner.skip('{"jsonrpc":"2.0","id":')) return undefined
  const id = scanner.integer(1, CALL_ID_MAX)
  if (id === 0) return undefined
  if (scanner.skip(',"result":{"ret":0,"name":"')) {
    const call = openCall(id)?.call
    if (call === undefined || !PLAIN.has(call)) return undefined
    if (!scanner.skip('H_SUCCESS"}}') && !scanner.skip('U_SUCCESS"}}')) return undefined
    return { kind: 'answer', id, call, ret: 0 }
  }
  for (const { head, read } of calls) {
    if (!scanner.skip(head)) continue
    const body = read(scanner)
    if (body === undefined) return undefined
    let parent = 0
    if (scanner.skip(',"parent":')) {
      parent = scanner.integer(1, CALL_ID_MAX)
      if (parent === 0) return undefined
    }
    return scanner.skip('}}') ? { kind: 'call', id, parent, body } : undefined
  }
  return undefined
}

function scanText<Ours extends WireCall, Theirs extends WireCall>(
  text: string,
  calls: readonly ScannedCall<Theirs>[],
  openCall: OpenCall<Ours>,
): readonly Received<Theirs>[] | undefined {
  const scanner = new TextScanner(text)
  const isBatch = scanner.skip('[')
  const received: Received<Theirs>[] = []
  do {
    const item = scanItem(scanner, calls, openCall)
    if (item === undefined || received.length === LIMITS.itemsPerMessageMax) return undefined
    received.push(item)
  } while (isBatch && scanner.skip(','))
  if (isBatch && !scanner.skip(']')) return undefined
  return scanner.isAtEnd ? received : undefined
}

/** Reads a whole message, or says undefined when the schemas have to. */
export type Scan<Ours, Theirs> = (
  text: string,
  openCall: OpenCall<Ours>,
) => readonly Received<Theirs>[] | undefined

/** What the hypervisor gets. */
export const scanUp: Scan<DownCall, UpCall> = (text, openCall) => scanText(text, UP, openCall)
/** What an ultravisor gets. */
export const scanDown: Scan<UpCall, DownCall> = (text, openCall) => scanText(text, DOWN, openCall)
