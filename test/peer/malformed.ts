/** Malformed messages to the hypervisor, each with the error it gets. Written out by hand. */
export interface Case {
  readonly why: string
  readonly text: string
  readonly id?: number
  readonly code: number
  readonly path?: string
  readonly reason?: string
}

export const request = (params: string, method = 'H_SVM_PAGE_IN'): string =>
  `{"jsonrpc":"2.0","id":5,"method":"${method}","params":${params}}`
export const PAGE = '"lpid":1,"gpa":"0x10000","flags":"0x0","order":"0x10"'
const at = (why: string, params: string, path: string, reason = 'invalid'): Case => ({
  why,
  text: request(params),
  id: 5,
  code: -32602,
  path,
  reason,
})

const NOT_JSON: readonly Case[] = ['', '{', 'nonsense', '{"a":1}}', '[1,', "{'a':1}", '\u0000'].map(
  (text) => ({ why: `not JSON: ${JSON.stringify(text)}`, text, code: -32700 }),
)

const NOT_REQUESTS: readonly Case[] = [
  { why: 'empty batch', text: '[]', code: -32600, path: '', reason: 'invalid' },
  { why: 'a number', text: '1', code: -32600, path: '' },
  { why: 'null', text: 'null', code: -32600, path: '' },
  { why: 'a text', text: '"H_SVM_INIT_START"', code: -32600, path: '' },
  { why: 'an empty object', text: '{}', code: -32600, path: 'method', reason: 'missing' },
  { why: 'a batch in a batch', text: '[[]]', code: -32600, path: '' },
  {
    why: 'a notification',
    text: `{"jsonrpc":"2.0","method":"H_SVM_INIT_START","params":{"lpid":1}}`,
    code: -32600,
    path: 'id',
    reason: 'missing',
  },
  ...['0', '-1', '4294967296', '1.5', '"7"', 'null', 'true', '1e30', '{}', '[1]'].map((id) => ({
    why: `id ${id}`,
    text: `{"jsonrpc":"2.0","id":${id},"method":"H_SVM_INIT_START","params":{"lpid":1}}`,
    code: -32600,
    path: 'id',
    reason: 'invalid',
  })),
  {
    why: 'no version',
    text: '{"id":5,"method":"H_SVM_INIT_START","params":{"lpid":1}}',
    id: 5,
    code: -32600,
    path: 'jsonrpc',
    reason: 'missing',
  },
  {
    why: 'version 1.0',
    text: '{"jsonrpc":"1.0","id":5,"method":"H_SVM_INIT_START","params":{"lpid":1}}',
    id: 5,
    code: -32600,
    path: 'jsonrpc',
  },
  {
    why: 'a member too many',
    text: '{"jsonrpc":"2.0","id":5,"method":"H_SVM_INIT_START","params":{"lpid":1},"extra":1}',
    id: 5,
    code: -32600,
    path: 'extra',
    reason: 'unknown',
  },
  {
    why: 'method is a number',
    text: '{"jsonrpc":"2.0","id":5,"method":61184,"params":{"lpid":1}}',
    id: 5,
    code: -32600,
    path: 'method',
  },
  {
    why: 'call and answer at once',
    text: '{"jsonrpc":"2.0","id":5,"method":"H_SVM_INIT_START","params":{"lpid":1},"result":{"ret":0}}',
    id: 5,
    code: -32600,
    path: 'result',
    reason: 'unknown',
  },
  {
    why: 'a notification of an unknown method',
    text: '{"jsonrpc":"2.0","method":"exit"}',
    code: -32600,
    path: 'id',
    reason: 'missing',
  },
]

const UNKNOWN_METHODS: readonly Case[] = [
  'H_SVM_PAGE_INN',
  'h_svm_page_in',
  '',
  '__proto__',
  'constructor',
  'toString',
  'H_SVM_NOTHING',
  'UV_ESM',
  'UV_PAGE_IN',
  'UV_WRITE_PATE',
].map((method) => ({
  why: `method ${JSON.stringify(method)}`,
  text: request('{"lpid":1}', method),
  id: 5,
  code: -32601,
  path: 'method',
  reason: 'unknown',
}))

const BAD_PARAMS: readonly Case[] = [
  at('params is an array', '[1,2]', 'params'),
  at('params is null', 'null', 'params'),
  {
    why: 'no params',
    text: '{"jsonrpc":"2.0","id":5,"method":"H_SVM_PAGE_IN"}',
    id: 5,
    code: -32602,
    path: 'params',
    reason: 'missing',
  },
  at('no lpid', '{"gpa":0,"flags":0,"order":16}', 'params.lpid', 'missing'),
  at('LPID 0 is the host', '{"lpid":0,"gpa":0,"flags":0,"order":16}', 'params.lpid'),
  at('LPID 4096', '{"lpid":4096,"gpa":0,"flags":0,"order":16}', 'params.lpid'),
  at('LPID in hex', '{"lpid":"0x1","gpa":0,"flags":0,"order":16}', 'params.lpid'),
  at('LPID 1.5', '{"lpid":1.5,"gpa":0,"flags":0,"order":16}', 'params.lpid'),
  at('negative gpa', '{"lpid":1,"gpa":-1,"flags":0,"order":16}', 'params.gpa'),
  at('gpa 2^53', '{"lpid":1,"gpa":9007199254740992,"flags":0,"order":16}', 'params.gpa'),
  at('gpa 1e400', '{"lpid":1,"gpa":1e400,"flags":0,"order":16}', 'params.gpa'),
  at('gpa 0.5', '{"lpid":1,"gpa":0.5,"flags":0,"order":16}', 'params.gpa'),
  at('17 hex digits', `{"lpid":1,"gpa":"0x10000000000000000","flags":0,"order":16}`, 'params.gpa'),
  at('no digits', '{"lpid":1,"gpa":"0x","flags":0,"order":16}', 'params.gpa'),
  at('no prefix', '{"lpid":1,"gpa":"10000","flags":0,"order":16}', 'params.gpa'),
  at('a space', '{"lpid":1,"gpa":"0x1 ","flags":0,"order":16}', 'params.gpa'),
  at('a line feed', '{"lpid":1,"gpa":"0x1\\n","flags":0,"order":16}', 'params.gpa'),
  at('prefix in capitals', '{"lpid":1,"gpa":"0X10","flags":0,"order":16}', 'params.gpa'),
  at('minus in hex', '{"lpid":1,"gpa":"-0x10","flags":0,"order":16}', 'params.gpa'),
  at('gpa null', '{"lpid":1,"gpa":null,"flags":0,"order":16}', 'params.gpa'),
  at('gpa an object', '{"lpid":1,"gpa":{"hex":"0x1"},"flags":0,"order":16}', 'params.gpa'),
  at('no flags', '{"lpid":1,"gpa":0,"order":16}', 'params.flags', 'missing'),
  at('flags true', '{"lpid":1,"gpa":0,"flags":true,"order":16}', 'params.flags'),
  at('no order', '{"lpid":1,"gpa":0,"flags":0}', 'params.order', 'missing'),
  at('parent 0', `{${PAGE},"parent":0}`, 'params.parent'),
  at('parent null', `{${PAGE},"parent":null}`, 'params.parent'),
  at('parent 2^32', `{${PAGE},"parent":4294967296}`, 'params.parent'),
  at('an unknown field', `{${PAGE},"gpaa":1}`, 'params.gpaa', 'unknown'),
  at('own __proto__', `{${PAGE},"__proto__":{"lpid":2}}`, 'params.__proto__', 'unknown'),
  at('own constructor', `{${PAGE},"constructor":1}`, 'params.constructor', 'unknown'),
  at('own toString', `{${PAGE},"toString":1}`, 'params.toString', 'unknown'),
  at(
    'only __proto__',
    '{"__proto__":{"lpid":1,"gpa":0,"flags":0,"order":16}}',
    'params.lpid',
    'missing',
  ),
]

const inMemory = (why: string, method: string, params: string, path: string): Case => ({
  why: `${method}: ${why}`,
  text: request(params, method),
  id: 5,
  code: -32602,
  path,
})

const BAD_MEMORY: readonly Case[] = [
  inMemory(
    'offset 65536',
    'MEM_READ',
    '{"lpid":1,"ra":0,"offset":65536,"length":1}',
    'params.offset',
  ),
  inMemory('length 0', 'MEM_READ', '{"lpid":1,"ra":0,"offset":0,"length":0}', 'params.length'),
  inMemory(
    'length 65537',
    'MEM_READ',
    '{"lpid":1,"ra":0,"offset":0,"length":65537}',
    'params.length',
  ),
  inMemory(
    'over the end',
    'MEM_READ',
    '{"lpid":1,"ra":0,"offset":65535,"length":2}',
    'params.length',
  ),
  inMemory('no bytes', 'MEM_WRITE', '{"lpid":1,"ra":0,"offset":0}', 'params.bytes'),
  inMemory('empty', 'MEM_WRITE', '{"lpid":1,"ra":0,"offset":0,"bytes":""}', 'params.bytes'),
  inMemory('no padding', 'MEM_WRITE', '{"lpid":1,"ra":0,"offset":0,"bytes":"Zg"}', 'params.bytes'),
  inMemory(
    'stray bits',
    'MEM_WRITE',
    '{"lpid":1,"ra":0,"offset":0,"bytes":"Zh=="}',
    'params.bytes',
  ),
  inMemory(
    'URL alphabet',
    'MEM_WRITE',
    '{"lpid":1,"ra":0,"offset":0,"bytes":"Zm-_"}',
    'params.bytes',
  ),
  inMemory('blank', 'MEM_WRITE', '{"lpid":1,"ra":0,"offset":0,"bytes":"Zm9 "}', 'params.bytes'),
  inMemory(
    'beyond ASCII',
    'MEM_WRITE',
    '{"lpid":1,"ra":0,"offset":0,"bytes":"\u01410AA"}',
    'params.bytes',
  ),
  inMemory(
    'over the end',
    'MEM_WRITE',
    '{"lpid":1,"ra":0,"offset":65534,"bytes":"Zm9v"}',
    'params.bytes',
  ),
  inMemory(
    'zeros not from 0',
    'MEM_WRITE',
    '{"lpid":1,"ra":0,"offset":1,"bytes":null}',
    'params.bytes',
  ),
  inMemory('slot 65536', 'UV_UNREGISTER_MEM_SLOT', '{"lpid":1,"slotid":65536}', 'params.slotid'),
  inMemory('no name', 'SESSION_OPEN', '{}', 'params.name'),
  inMemory('empty name', 'SESSION_OPEN', '{"name":""}', 'params.name'),
  inMemory('65 characters', 'SESSION_OPEN', `{"name":"${'x'.repeat(65)}"}`, 'params.name'),
  inMemory('a line feed', 'SESSION_OPEN', '{"name":"a\\nb"}', 'params.name'),
  inMemory('a delete', 'SESSION_OPEN', '{"name":"a\u007f"}', 'params.name'),
  inMemory('an lpid', 'SESSION_OPEN', '{"name":"a","lpid":1}', 'params.lpid'),
]

export const CASES = [
  ...NOT_JSON,
  ...NOT_REQUESTS,
  ...UNKNOWN_METHODS,
  ...BAD_PARAMS,
  ...BAD_MEMORY,
]
