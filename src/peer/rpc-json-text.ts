/** Messages of `uvmem.v1.json` as text. Only what a person wrote is escaped: the rest needs none. */
import { codeName, familyOf } from '../../schemas/code-names.ts'
import type {
  AnswerMessage,
  CallMessage,
  ErrorMessage,
  SessionFacts,
  WireCall,
} from '../../schemas/messages.ts'
import type { Method } from '../../schemas/method.ts'
import { base64Of, pageText } from '../../schemas/page.ts'

export function callText<Body extends WireCall>(
  { id, parent, body }: CallMessage<Body>,
  method: Method<Body>,
): string {
  const inside = parent === 0 ? '' : `,"parent":${parent}`
  const params = `{${method.write(body)}${inside}}`
  return `{"jsonrpc":"2.0","id":${id},"method":"${body.call}","params":${params}}`
}

const sessionText = ({ session, token, host }: SessionFacts): string => {
  const facts = `{"page_shift":${host.pageShift},"pool_pages":${host.poolPages},"profile":${JSON.stringify(host.profile)}}`
  return `,"session":${JSON.stringify(session)},"token":${JSON.stringify(token)},"host":${facts}`
}

export function answerText(answer: AnswerMessage): string {
  const { id, call, ret, page, bytes, session } = answer
  let output = ''
  if (page !== undefined) output = `,"page":${pageText(page)}`
  else if (bytes !== undefined) output = `,"bytes":"${base64Of(bytes)}"`
  else if (session !== undefined) output = sessionText(session)
  const name = codeName(familyOf(call), ret)
  return `{"jsonrpc":"2.0","id":${id},"result":{"ret":${ret},"name":"${name}"${output}}}`
}

export function errorText({ id, code, message, data }: ErrorMessage): string {
  const error = JSON.stringify(data === undefined ? { code, message } : { code, message, data })
  return `{"jsonrpc":"2.0","id":${id === 0 ? 'null' : id},"error":${error}}`
}
