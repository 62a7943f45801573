/**
 * Who may do what: every role at every route and every call, cell by cell. The rows are what the
 * server really serves; the cells were written by hand.
 */
import { request } from 'node:http'
import t, { type Test } from 'tap'
import { UP_METHODS } from '../../schemas/methods.ts'
import type { HttpMethod, Operation } from '../../schemas/rest/operation.ts'
import { OPERATIONS, type OperationName } from '../../schemas/rest/operations.ts'
import { asLpid } from '../../src/abi/page.ts'
import type { App } from '../../src/server/app.ts'
import { Line, listening } from './line.ts'
import { server } from './server.ts'

const READER = 'reader-token-of-16'
const OPERATOR = 'operator-token-16'
const UV = 'ultravisor-token-1'
const OTHER_UV = 'ultravisor-token-2'
const BOTH = 'operator-and-uv-16'
const TOKENS = `
reader       dashboard  ${READER}
operator     admin      ${OPERATOR}
uv           lab-1      ${UV}
uv           lab-2      ${OTHER_UV}        lpids=1-8
operator,uv  ci         ${BOTH}
`

const WHO = {
  nobody: undefined,
  stranger: 'Bearer a-token-that-nobody-knows',
  reader: `Bearer ${READER}`,
  operator: `Bearer ${OPERATOR}`,
  uv: `Bearer ${UV}`,
  both: `Bearer ${BOTH}`,
}
type Who = keyof typeof WHO
const EVERYBODY = Object.keys(WHO) as Who[]

/** 401, 403, or `in`: whatever the answer is then, it is the route's own. */
type Cells = Readonly<Record<Who, '401' | '403' | 'in'>>
const row = (text: string): Cells => {
  const cells = text.split(' ').filter((cell) => cell !== '') as ('401' | '403' | 'in')[]
  return Object.fromEntries(EVERYBODY.map((who, at) => [who, cells[at]])) as Cells
}

//                 nobody stranger reader operator uv  both
const OPEN = row(' in     in       in     in       in  in ')
const LOOK = row(' 401    401      in     in       403 in ')
const WORK = row(' 401    401      403    in       403 in ')
const LINE = row(' 401    401      403    403      in  in ')

const OF_OPERATION: Readonly<Record<OperationName, Cells>> = {
  ...{ getLive: OPEN, getReady: OPEN, getOpenApi: LOOK, getAsyncApi: LOOK, getHost: LOOK },
  ...{ getMetrics: LOOK, getInvariants: LOOK, listSessions: LOOK, denyFrames: WORK },
  ...{ listVms: LOOK, getVm: LOOK, createVm: WORK, deleteVm: WORK, resetVm: WORK },
  ...{ listSlots: LOOK, addSlot: WORK, removeSlot: WORK, flushSlot: WORK, failKsm: WORK },
  ...{ mapSlot: WORK, unmapSlot: WORK },
  ...{ listFrames: LOOK, countFrames: LOOK, getFrame: LOOK, getFrameMap: LOOK },
  ...{ touchFrame: WORK, unmapFrame: WORK, pinFrame: WORK, unpinFrame: WORK, faultFrame: WORK },
  // A read of memory pages secure frames out: that is no mere look.
  ...{ readMemory: WORK, getPage: WORK, writeMemory: WORK, fillMemory: WORK },
  ...{ listJournal: LOOK, followJournal: LOOK, getFrameHistory: LOOK },
  ...{ getHostCounters: LOOK, getVmCounters: LOOK },
  ...{ listFaults: LOOK, getFault: LOOK, listFaultPresets: LOOK },
  ...{ addFault: WORK, removeFault: WORK, removeFaults: WORK, addFaultPreset: WORK },
  ...{ waitForVm: LOOK, waitForFrame: LOOK, waitForSession: LOOK, waitForCount: LOOK },
  ...{ getSnapshot: LOOK, getVmSnapshot: LOOK, listCheckpoints: LOOK },
  ...{ putSnapshot: WORK, addVmSnapshot: WORK, resetHost: WORK },
  ...{ saveCheckpoint: WORK, loadCheckpoint: WORK, removeCheckpoint: WORK },
}

/** Routes that are no operations, by the beginning of their path. */
const OF_ROUTE: Readonly<Record<string, Cells>> = {
  '/dashboard/': OPEN,
  '/docs': OPEN,
  '/v1/uv': LINE,
}

interface Row {
  readonly method: string
  readonly url: string
  readonly cells: Cells
}

/** Every route that the server has, as Fastify tells it. */
function routesOf(app: App): readonly { readonly method: string; readonly url: string }[] {
  const text = app.http.printRoutes({ commonPrefix: false, includeHooks: false })
  const routes: { method: string; url: string }[] = []
  const above: string[] = []
  for (const line of text.split('\n')) {
    const [, lead = '', part = '', methods] =
      /^([│├└─ ]*)(\S*)(?: \(([A-Z, ]+)\))?$/u.exec(line) ?? []
    if (part === '' && methods === undefined) continue
    const depth = Math.max(0, lead.length / 4 - 1)
    above.splice(depth, above.length, part)
    const url = above.join('')
    for (const method of methods?.split(', ') ?? []) routes.push({ method, url })
  }
  return routes
}

const operationAt = (method: string, url: string): OperationName | undefined =>
  (Object.keys(OPERATIONS) as OperationName[]).find((name) => {
    const { method: its, route }: Operation = OPERATIONS[name]
    return its === method && route.replace(/\{(\w+)\}/g, ':$1') === url
  })

const isOperationPath = (url: string): boolean =>
  (['GET', 'POST', 'PUT', 'DELETE'] as HttpMethod[]).some((each) => operationAt(each, url))

/** What a route's cells must be; undefined: nobody has thought of it. */
function cellsOf(method: string, url: string): Cells | undefined {
  const name = operationAt(method, url)
  if (name !== undefined) return OF_OPERATION[name]
  if (url === '/') return OPEN
  const [, cells] = Object.entries(OF_ROUTE).find(([path]) => url.startsWith(path)) ?? []
  if (url === '/livez' || url === '/readyz') return OPEN
  // A method that the path does not have tells who may look which it has.
  return cells ?? (isOperationPath(url) ? LOOK : undefined)
}

t.test('every route, every role', async (t) => {
  const app = server({ tokens: TOKENS })
  const routes = routesOf(app)
  t.ok(routes.length > 200, `${routes.length} routes are listed`)
  const names = routes.flatMap(({ method, url }) => operationAt(method, url) ?? [])
  t.same(names.toSorted(), Object.keys(OPERATIONS).toSorted(), 'all operations are among them')
  const rows: Row[] = []
  for (const { method, url } of routes) {
    const cells = cellsOf(method, url)
    if (cells === undefined) t.fail(`${method} ${url}: nobody has said who may do it`)
    else rows.push({ method, url, cells })
  }
  rows.push({ method: 'GET', url: '/v1/nothing', cells: LOOK })
  rows.push({ method: 'OPTIONS', url: '/v1/vms', cells: LOOK })
  for (const each of rows) await checkRow(t, app, each)
})

/** Nothing is asked for that would work: who is let in gets another refusal, or an empty answer. */
async function checkRow(t: Test, app: App, { method, url, cells }: Row): Promise<void> {
  const found: Partial<Record<Who, string>> = {}
  const path = url.replaceAll(/:(\w+)/g, '9')
  // A stream never ends, and a wait takes its time: a query that does not fit ends both at once.
  const target = isOperationPath(url) ? `${path}?nonsense=1` : path
  for (const who of EVERYBODY) {
    const authorization = WHO[who]
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await app.http.inject({
      method: method as HttpMethod,
      url: target,
      headers: { host: 'localhost', ...headers },
    })
    const { statusCode: status } = answer
    const challenge = answer.headers['www-authenticate'] ?? ''
    if (status === 401 || status === 403) {
      const { type } = JSON.parse(answer.payload || '{}') as { type?: string }
      const name = status === 401 ? 'unauthorized' : 'role-missing'
      const fits = /^Bearer/.test(String(challenge)) && type === `urn:uvmem:problem:${name}`
      found[who] = fits || method === 'HEAD' ? String(status) : `${status} without a reason`
    } else found[who] = 'in'
  }
  t.same(found, cells, `${method} ${url}`)
}

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'uvmem.v1.json',
}

t.test('the upgrade to a WebSocket, every role', async (t) => {
  const { app, url } = await listening(t, { tokens: TOKENS })
  for (const who of EVERYBODY) {
    const authorization = WHO[who]
    const status = await new Promise<number>((done, fail) => {
      const headers = { ...UPGRADE, ...(authorization === undefined ? {} : { authorization }) }
      const asked = request(`${url}/v1/uv`, { headers })
      asked.on('error', fail)
      asked.on('response', (answer) => done(answer.resume().statusCode ?? 0))
      asked.on('upgrade', (answer, socket) => {
        socket.destroy()
        done(answer.statusCode ?? 0)
      })
      asked.end()
    })
    const got = status === 101 ? 'in' : String(status)
    t.equal(got, LINE[who], who)
  }
  t.equal(app.hv.sessions.size, 0)
})

/** Params that fit every call, for an LPID. */
const PARAMS: Readonly<Record<Exclude<keyof typeof UP_METHODS, 'SESSION_OPEN'>, object>> = {
  H_SVM_INIT_START: {},
  H_SVM_INIT_DONE: {},
  H_SVM_INIT_ABORT: {},
  H_SVM_TPM_COMM: {},
  H_SVM_PAGE_IN: { gpa: '0x0', flags: 0, order: 16 },
  H_SVM_PAGE_OUT: { gpa: '0x0', flags: 0, order: 16 },
  UV_REGISTER_MEM_SLOT: { start_gpa: '0x100000', size: '0x10000', flags: 0, slotid: 1 },
  UV_UNREGISTER_MEM_SLOT: { slotid: 1 },
  HDSI: { gpa: '0x0' },
  MEM_READ: { ra: '0x10000', offset: 0, length: 1 },
  MEM_WRITE: { ra: '0x10000', offset: 0, bytes: 'AA==' },
}
type Call = keyof typeof PARAMS

/** LPIDs: whose VM each has. */
const OWN = 1
const FOREIGN = 2
/** Made by an operator; no ultravisor has it. */
const FREE = 3
const UNKNOWN = 4
/** Made by an operator, outside of what the second ultravisor may have. */
const BEYOND = 9

const NO = -32000
const OF_CALL: Readonly<Record<Call, readonly (number | 'in')[]>> = {
  //                       own   foreign free  unknown beyond
  H_SVM_INIT_START: /*  */ ['in', NO, 'in', NO, NO],
  H_SVM_INIT_DONE: /*   */ ['in', NO, NO, NO, NO],
  H_SVM_INIT_ABORT: /*  */ ['in', NO, NO, NO, NO],
  H_SVM_TPM_COMM: /*    */ ['in', NO, NO, NO, NO],
  H_SVM_PAGE_IN: /*     */ ['in', NO, NO, NO, NO],
  H_SVM_PAGE_OUT: /*    */ ['in', NO, NO, NO, NO],
  UV_REGISTER_MEM_SLOT: ['in', NO, 'in', NO, NO],
  UV_UNREGISTER_MEM_SLOT: ['in', NO, NO, NO, NO],
  HDSI: /*              */ ['in', NO, NO, NO, NO],
  MEM_READ: /*          */ ['in', NO, NO, NO, NO],
  MEM_WRITE: /*         */ ['in', NO, NO, NO, NO],
}

const headersOf = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

/** A server with a VM of each kind, and the second ultravisor's line to it. */
async function callWorld(t: Test) {
  const { app, uv } = await listening(t, { tokens: TOKENS, hv: { autoCreateVms: false } })
  for (const lpid of [OWN, FOREIGN, FREE, BEYOND]) {
    const answer = await app.http.inject({
      method: 'POST',
      url: '/v1/vms',
      headers: { host: 'localhost', authorization: `Bearer ${OPERATOR}` },
      payload: { lpid, slots: [{ size: 0x2_0000 }] },
    })
    t.equal(answer.statusCode, 201)
  }
  const other = await Line.open(t, uv, headersOf(UV))
  await other.call('H_SVM_INIT_START', { lpid: FOREIGN })
  const line = await Line.open(t, uv, headersOf(OTHER_UV))
  await line.call('H_SVM_INIT_START', { lpid: OWN })
  return { app, line }
}

t.test('every call, for an own LPID and for others', async (t) => {
  const rows = Object.keys(UP_METHODS).filter((call) => call !== 'SESSION_OPEN')
  t.same(Object.keys(OF_CALL).toSorted(), rows.toSorted(), 'every call has a row')
  for (const call of rows as Call[]) {
    const { app, line } = await callWorld(t)
    const found: (number | 'in')[] = []
    const refusals = new Set<string>()
    for (const lpid of [OWN, FOREIGN, FREE, UNKNOWN, BEYOND]) {
      const { error } = await line.call(call, { lpid, ...PARAMS[call] })
      found.push(error === undefined ? 'in' : error.code)
      if (error === undefined) continue
      t.same(error.data, { lpid }, 'it says what was asked, and no more')
      refusals.add(JSON.stringify({ ...error, data: {} }))
    }
    t.same(found, OF_CALL[call], call)
    t.same([...refusals], ['{"code":-32000,"message":"The LPID is not yours.","data":{}}'])
    const owned = [...app.hv.sessions.list()].map(({ lpids }) => [...lpids])
    const took = found[2] === 'in' ? [OWN, FREE] : [OWN]
    if (call !== 'H_SVM_INIT_ABORT') t.same(owned, [[FOREIGN], took], `${call}: whose are they`)
    t.equal(app.hv.vm(asLpid(UNKNOWN)), undefined, 'and nothing was made')
    line.socket.terminate()
  }
})

t.test('a second session takes nothing before it is open, also with a role', async (t) => {
  const { uv } = await listening(t, { tokens: TOKENS })
  const line = new Line(uv, headersOf(UV))
  t.teardown(() => line.socket.terminate())
  await line.opened()
  const { error } = await line.call('H_SVM_INIT_START', { lpid: 5 })
  t.equal(error?.code, -32002)
})

t.test('where VMs are made on first use, only what takes one makes it', async (t) => {
  const { app, uv } = await listening(t, { tokens: TOKENS })
  const line = await Line.open(t, uv, headersOf(OTHER_UV))
  t.equal((await line.call('H_SVM_PAGE_IN', { lpid: 7, ...PARAMS.H_SVM_PAGE_IN })).error?.code, NO)
  t.equal(app.hv.host.vms.size, 0)
  t.equal((await line.call('H_SVM_INIT_START', { lpid: 7 })).error, undefined)
  t.equal(
    (await line.call('H_SVM_INIT_START', { lpid: 9 })).error?.code,
    NO,
    'not within its LPIDs',
  )
  t.equal(app.hv.host.vms.size, 1)
})

t.test('a session goes on only for who has opened it: to others it is none', async (t) => {
  const { uv } = await listening(t, { tokens: TOKENS })
  const token = await sessionToken(t, uv)
  const told: unknown[] = []
  for (const resume of [token, `${token.slice(0, -1)}_`, 'x']) {
    const thief = new Line(uv, headersOf(OTHER_UV))
    t.teardown(() => thief.socket.terminate())
    await thief.opened()
    const { error } = await thief.call('SESSION_OPEN', { name: 'thief', resume })
    told.push(error)
  }
  const none = { code: -32002, message: 'No such session.' }
  t.same(told, [none, none, none], 'a token of somebody else, a wrong one, no token at all')
  const owner = new Line(uv, headersOf(UV))
  t.teardown(() => owner.socket.terminate())
  await owner.opened()
  const again = await owner.call('SESSION_OPEN', { name: 'again', resume: token })
  t.match(again.result, { ret: 0, token }, 'its owner goes on')
})

/** Opens a session whose connection breaks without a word; the token that resumes it. */
async function sessionToken(t: Test, uv: string): Promise<string> {
  const line = new Line(uv, headersOf(UV))
  t.teardown(() => line.socket.terminate())
  await line.opened()
  const { result } = await line.call('SESSION_OPEN', { name: 'to be resumed' })
  line.socket.terminate()
  await line.closed
  return String(result?.['token'])
}
