/** A client written in C from schemas/binary.md alone, against a real server process. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

const run = promisify(execFile)
const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Compiles the client; undefined when no C compiler is here. */
async function compile(t: Test): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'uvmem-c-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const program = join(folder, 'uvmem-client')
  const flags = ['-std=c11', '-O1', '-Wall', '-Wextra', '-Werror']
  try {
    await run('cc', ['--version'])
  } catch {
    return undefined
  }
  const { stdout, stderr } = await run('cc', [...flags, '-o', program, pathOf('uvmem-client.c')])
  t.equal(stdout + stderr, '', 'it compiles without a warning')
  return program
}

/** Starts a server with a VM of 1 MiB; returns its address. */
async function startHv(t: Test): Promise<URL> {
  const options = ['hv', '--port', '0', '--vm', '1:1MiB', '--log-level', 'silent']
  const main = pathOf('../../src/bin/uvmem.ts')
  const server = spawn(process.execPath, ['--import=tsx', main, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = once(server, 'exit')
  t.teardown(async () => {
    server.kill('SIGTERM')
    await gone
  })
  const [line] = await once(createInterface({ input: server.stdout }), 'line')
  return new URL(JSON.parse(String(line)).url)
}

const json = async (url: URL): Promise<unknown> => (await fetch(url)).json()

/** Without a compiler all that can be said of the program is that it is there. */
function sayNoCompiler(t: Test): void {
  t.comment('NOT RUN: there is no C compiler (cc) on this machine')
  t.ok(existsSync(pathOf('uvmem-client.c')), 'the source is there')
}

t.test('a C program speaks uvmem.v1.bin from the document alone', async (t) => {
  const program = await compile(t)
  if (program === undefined) {
    sayNoCompiler(t)
    return
  }
  const server = await startHv(t)
  const filled = await fetch(new URL('/v1/vms/1/memory?gpa=0x10000', server), {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.alloc(65_536, 'Z'),
  })
  t.equal(filled.status, 200, 'the page has content')

  const { stdout } = await run(program, [server.hostname, server.port, '1'])
  const [first = '', ...lines] = stdout.trimEnd().split('\n')
  t.match(
    first,
    /^SESSION_OPEN ret=0 session=\S+ token_bytes=\d+ profile=linux-6 page_shift=16 pool_pages=\d+$/,
  )
  t.same(lines, [
    'UV_REGISTER_MEM_SLOT ret=0',
    'served UV_REGISTER_MEM_SLOT start_gpa=0x0 size=0x100000 slotid=0 parent=3',
    'served UV_REGISTER_MEM_SLOT start_gpa=0x100000000 size=0x100000 slotid=1 parent=3',
    'H_SVM_INIT_START ret=0',
    // FNV-1a of 65,536 times the letter Z.
    'served UV_PAGE_IN gpa=0x10000 order=16 payload=2 fnv=45149dc5 parent=4',
    'H_SVM_PAGE_IN ret=0',
    'H_SVM_PAGE_IN again ret=-4',
    'H_SVM_INIT_DONE ret=0',
    'closed 1000',
  ])

  t.match(await json(new URL('/v1/vms/1', server)), {
    state: 'secure',
    secure_guest: 3,
    slots: 2,
    fault: null,
    operations: 0,
  })
  t.match(await json(new URL('/v1/vms/1/frames', server)), {
    runs: [
      { from: 0, count: 16, state: 'secure' },
      { from: 65_536, count: 16, state: 'secure' },
    ],
  })
})

t.test('the C program says what went wrong, and fails', async (t) => {
  const program = await compile(t)
  if (program === undefined) {
    sayNoCompiler(t)
    return
  }
  const server = await startHv(t)
  const ended = run(program, [server.hostname, server.port, '4096'])
  const failure = await ended.then(
    () => undefined,
    (error: unknown) => error as { code: number; stdout: string },
  )
  t.equal(failure?.code, 1)
  t.match(failure?.stdout, 'error -32602 The params do not fit the method.')
  t.match(await json(new URL('/v1/vms/1', server)), { state: 'normal', slots: 1, secure_guest: 0 })
})
