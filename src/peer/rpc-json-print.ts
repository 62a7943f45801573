/**
 * Writes the messages that leave by the hundred thousand: the ones that rpc-json-scan.ts reads. The
 * text is the one that rpc-json-text.ts makes, to the character; everything else is left to that.
 */
import { WIRE_ERROR } from '../../schemas/errors.ts'
import { LIMITS } from '../../schemas/limits.ts'
import type {
  AnswerMessage,
  CallMessage,
  ErrorData,
  ErrorMessage,
  Message,
  UvPageInWithPage,
  WireCall,
} from '../../schemas/messages.ts'
import type { HSvmPageIn, HSvmPageOut, UvPageOut } from '../abi/calls.ts'
import { PAGE_SHIFT } from '../abi/page.ts'
import type { Encoded } from './rpc-codec.ts'
import { AsciiWriter, asciiOf } from './rpc-json-ascii.ts'

/** Characters that no item written here reaches: fixed parts, and 20 for each of 8 values. */
const ITEM_CHARS_MAX = 512
/** Characters of an error that is written here; the data of longer ones is somebody else's. */
const REFUSAL_CHARS_MAX = 256
const COMMA = 44
const OPEN = 91
const CLOSE = 93
/** The bracket and the last comma are not items. */
const SEPARATORS = 2

const HEAD = asciiOf('{"jsonrpc":"2.0","id":')
const GPA = asciiOf(',"gpa":"')
const RA = asciiOf(',"ra":"')
const NEXT_GPA = asciiOf('","gpa":"')
const FLAGS = asciiOf('","flags":"')
const ORDER = asciiOf('","order":"')
/** Flags 0 and the only order there is. */
const USUAL = asciiOf('","flags":"0x0","order":"0x10"')
const QUOTE = asciiOf('"')
const TAG = asciiOf(',"page":{"tag":"')
const TAG_END = asciiOf('"}')
const PARENT = asciiOf(',"parent":')
const END = asciiOf('}}')
const SUCCESS = {
  hypercall: asciiOf(',"result":{"ret":0,"name":"H_SUCCESS"}}'),
  ultracall: asciiOf(',"result":{"ret":0,"name":"U_SUCCESS"}}'),
} as const

const methodOf = (call: string): Uint8Array => asciiOf(`,"method":"${call}","params":{"lpid":`)
const METHOD = {
  H_SVM_PAGE_IN: methodOf('H_SVM_PAGE_IN'),
  H_SVM_PAGE_OUT: methodOf('H_SVM_PAGE_OUT'),
  UV_PAGE_IN: methodOf('UV_PAGE_IN'),
  UV_PAGE_OUT: methodOf('UV_PAGE_OUT'),
} as const

type PageHcall = HSvmPageIn | HSvmPageOut
type PageUcall = UvPageInWithPage | UvPageOut

/** One for all: nothing else runs while a message is written. */
const WRITER = new AsciiWriter(LIMITS.batchBytesMax + ITEM_CHARS_MAX)

function head(id: number, { call, lpid }: PageHcall | PageUcall): void {
  WRITER.part(HEAD)
  WRITER.decimal(id)
  WRITER.part(METHOD[call])
  WRITER.decimal(lpid)
}

function flagsAndOrder({ flags, order }: PageHcall | PageUcall): void {
  if (flags === 0 && order === PAGE_SHIFT) return WRITER.part(USUAL)
  WRITER.part(FLAGS)
  WRITER.hex(flags)
  WRITER.part(ORDER)
  WRITER.hex(order)
  WRITER.part(QUOTE)
}

function tail(parent: number): void {
  if (parent !== 0) {
    WRITER.part(PARENT)
    WRITER.decimal(parent)
  }
  WRITER.part(END)
}

function printHcall(id: number, parent: number, body: PageHcall): boolean {
  head(id, body)
  WRITER.part(GPA)
  WRITER.hex(body.gpa)
  flagsAndOrder(body)
  tail(parent)
  return true
}

function printUcall(id: number, parent: number, body: PageUcall): boolean {
  const page = body.call === 'UV_PAGE_IN' ? body.page : null
  if (page instanceof Uint8Array) return false
  head(id, body)
  WRITER.part(RA)
  WRITER.hex(body.ra)
  WRITER.part(NEXT_GPA)
  WRITER.hex(body.gpa)
  flagsAndOrder(body)
  if (page !== null) {
    WRITER.part(TAG)
    WRITER.word(page)
    WRITER.part(TAG_END)
  }
  tail(parent)
  return true
}

function printCall({ id, parent, body }: CallMessage<WireCall>): boolean {
  const { call } = body
  if (call === 'H_SVM_PAGE_IN' || call === 'H_SVM_PAGE_OUT') return printHcall(id, parent, body)
  if (call === 'UV_PAGE_IN' || call === 'UV_PAGE_OUT') return printUcall(id, parent, body)
  return false
}

function printAnswer({ id, call, ret }: AnswerMessage): boolean {
  if (ret !== 0) return false
  if (call !== 'UV_PAGE_IN' && call !== 'H_SVM_PAGE_IN' && call !== 'H_SVM_PAGE_OUT') return false
  WRITER.part(HEAD)
  WRITER.decimal(id)
  WRITER.part(call === 'UV_PAGE_IN' ? SUCCESS.ultracall : SUCCESS.hypercall)
  return true
}

/** What stands behind the id of a refusal: the same data is told to everybody who calls too often. */
let refusal: { readonly data: ErrorData | undefined; readonly text: Uint8Array } = {
  data: undefined,
  text: new Uint8Array(),
}

function printRefusal({ id, code, message, data }: ErrorMessage): boolean {
  const { TOO_MANY_CALLS } = WIRE_ERROR
  const isKnown = code === TOO_MANY_CALLS.code && message === TOO_MANY_CALLS.text
  if (!isKnown || id === 0 || data === undefined) return false
  if (refusal.data !== data) {
    const text = `,"error":${JSON.stringify({ code, message, data })}}`
    if (text.length > REFUSAL_CHARS_MAX) return false
    refusal = { data, text: asciiOf(text) }
  }
  WRITER.part(HEAD)
  WRITER.decimal(id)
  WRITER.part(refusal.text)
  return true
}

/** Writes an item, or says false and writes nothing. */
function print(item: Message<WireCall>): boolean {
  if (item.kind === 'call') return printCall(item)
  return item.kind === 'answer' ? printAnswer(item) : printRefusal(item)
}

/**
 * One message of the items from `start` on, up to `end` or until it is full; undefined when one of
 * them is not written here.
 */
export function printMessage(
  items: readonly Message<WireCall>[],
  start: number,
  end: number,
): Encoded | undefined {
  WRITER.begin()
  WRITER.code(OPEN)
  let next = start
  for (; next < end; next++) {
    const before = WRITER.length
    if (next > start) WRITER.code(COMMA)
    const item = items[next]
    if (item === undefined || !print(item)) return undefined
    if (next === start || WRITER.length - SEPARATORS <= LIMITS.batchBytesMax) continue
    WRITER.cut(before)
    break
  }
  if (next === start + 1) return { data: WRITER.textFrom(1), next }
  WRITER.code(CLOSE)
  return { data: WRITER.textFrom(0), next }
}
