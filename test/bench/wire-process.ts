/** The other processes of the wire benches: the real server, bare servers, and clients. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const UVMEM = fileURLToPath(new URL('../../src/bin/uvmem.js', import.meta.url))
const LOOP_WATCH = new URL('./loop-watch.js', import.meta.url).href
const FLOOR_SERVER = fileURLToPath(new URL('./floor-server.js', import.meta.url))
const CLIENT = fileURLToPath(new URL('./wire-client.js', import.meta.url))

/** As in the first line of the program, which is not run by its name here. */
const NODE_FLAGS = ['--max-semi-space-size=4']

/** How late a server's event loop ran since it was last asked, in milliseconds. */
export interface LoopDelay {
  readonly p99Ms: number
  readonly maxMs: number
}

export interface Server {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Resident memory, in megabytes. */
  readonly rss: () => number
  /** Microseconds of processor time since it began, to the nearest 10,000. */
  readonly cpuUs: () => number
  readonly loopDelay: () => Promise<LoopDelay>
  readonly stop: () => Promise<void>
}

/** `words`: flags of the server besides its port; `before`: modules that are loaded before it. */
export async function startServer(
  words: readonly string[],
  before: readonly string[] = [],
): Promise<Server> {
  const imports = [LOOP_WATCH, ...before].flatMap((module) => ['--import', module])
  const flags = ['hv', '--port', '0', '--log-level', 'error', ...words]
  const child = spawn(
    process.execPath,
    [...NODE_FLAGS, ...imports, ...prof('server'), UVMEM, ...flags],
    {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  )
  const { url } = JSON.parse(await lineOf(child)) as { url: string }
  return {
    url,
    rss: () => rssOf(child),
    cpuUs: () => cpuUsOf(child),
    loopDelay: async () => {
      child.send('read')
      const [delay] = (await once(child, 'message')) as [LoopDelay]
      return delay
    },
    stop: () => stop(child),
  }
}

/** A server that has no emulator in it; `mode` says what it does. */
export async function startFloor(mode: string): Promise<Pick<Server, 'url' | 'stop'>> {
  const child = spawn(process.execPath, [...NODE_FLAGS, FLOOR_SERVER, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { url: (await lineOf(child)).trim(), stop: () => stop(child) }
}

/** Runs one task of wire-client.ts in a process of its own; resolves with what it prints. */
export async function runClient<Given>(task: string, given: object): Promise<Given> {
  const words = [
    ...NODE_FLAGS,
    '--expose-gc',
    ...prof(`client-${task}`),
    CLIENT,
    task,
    JSON.stringify(given),
  ]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`${task}: the client ended with ${code}`)
  return JSON.parse(text) as Given
}

/** With UVMEM_BENCH_PROF=DIR every process leaves a profile there. */
function prof(name: string): string[] {
  const dir = process.env['UVMEM_BENCH_PROF']
  return dir === undefined
    ? []
    : ['--cpu-prof', `--cpu-prof-dir=${dir}`, `--cpu-prof-name=${name}.cpuprofile`]
}

async function lineOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no stdout')
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return line
}

function rssOf({ pid }: ChildProcess): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1_000
}

/** Linux counts in hundredths of a second: of the program, and of the kernel for it. */
function cpuUsOf({ pid }: ChildProcess): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name of the program, which comes before, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
