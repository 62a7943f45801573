/** Takes apart what the hypervisor sends, in either subprotocol, for the model and the clients. */
import { frameAt } from './reference-binary.ts'
import { Violation } from './wire-model.ts'
import type { Said } from './wire-said-kinds.ts'
import { DOWN_NAMES } from './wire-tables.ts'

/** The items of one message. */
export const saidIn = (data: string | Uint8Array): readonly Said[] =>
  typeof data === 'string' ? saidInText(data) : saidInFrames(data)

interface Item {
  readonly jsonrpc: unknown
  readonly id: number | null
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: { readonly ret: number }
  readonly error?: { readonly code: number; readonly message: string; readonly data?: object }
}

function saidInText(text: string): readonly Said[] {
  const parsed = JSON.parse(text) as Item | Item[]
  return (Array.isArray(parsed) ? parsed : [parsed]).map(saidInItem)
}

function saidInItem(item: Item): Said {
  const { jsonrpc, method, params, result, error } = item
  const id = item.id ?? 0
  if (jsonrpc !== '2.0') throw new Violation(`it says ${JSON.stringify(item)}`)
  if (method !== undefined) {
    const { ra, parent, page } = params ?? {}
    return {
      kind: 'call',
      id,
      parent: Number(parent ?? 0),
      method,
      ra: ra === undefined ? undefined : String(ra),
      tag: tagOf(page as { tag?: string } | undefined),
    }
  }
  if (result !== undefined) return { kind: 'answer', id, ret: result.ret }
  if (error === undefined) throw new Violation(`it says ${JSON.stringify(item)}`)
  const { code, message, data = {} } = error
  return { kind: 'error', id, code, message, data: data as Readonly<Record<string, unknown>> }
}

const tagOf = (page: { readonly tag?: string } | null | undefined): bigint | undefined =>
  page?.tag === undefined ? undefined : BigInt(page.tag)

function saidInFrames(data: Uint8Array): readonly Said[] {
  const message = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const said: Said[] = []
  for (let at = 0; at < message.length; ) {
    const frame = frameAt(message, at)
    if (frame === undefined) throw new Violation(`it sends ${message.toString('hex', at, at + 64)}`)
    const { bytes, kind, id, parent, number, payloadAt, payloadKind } = frame
    if (kind === 1) {
      const method = DOWN_NAMES.get(number) ?? String(number)
      const hasRa = method === 'UV_PAGE_IN' || method === 'UV_PAGE_OUT'
      const ra = hasRa ? `0x${bytes.readBigUInt64LE(16).toString(16)}` : undefined
      const tag = payloadKind === 1 ? bytes.readBigUInt64LE(payloadAt) : undefined
      said.push({ kind: 'call', id, parent, method, ra, tag })
    } else if (kind === 2) said.push({ kind: 'answer', id, ret: Number(bytes.readBigInt64LE(16)) })
    else said.push(errorIn(bytes, id))
    at += bytes.length
  }
  return said
}

function errorIn(bytes: Buffer, id: number): Said {
  const middle = 24 + bytes.readUInt16LE(20)
  const data = bytes.toString('utf8', middle, middle + bytes.readUInt16LE(22))
  return {
    kind: 'error',
    id,
    code: bytes.readInt32LE(16),
    message: bytes.toString('utf8', 24, middle),
    data: data === '' ? {} : JSON.parse(data),
  }
}
