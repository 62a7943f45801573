/**
 * `uvmem demo`: a server and an ultravisor, two processes, and the whole life of one guest between
 * them. Every line is checked; the exit code is 0 only if all of them held.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { z } from 'zod'
import { asLpid } from '../abi/page.ts'
import { openFile } from '../peer/file-source.ts'
import type { GuestFiles } from '../peer/guest-load.ts'
import { HvRest } from '../peer/hv-rest.ts'
import { Child } from './child.ts'
import { DemoAgent } from './demo-agent.ts'
import { DemoOptions } from './demo-options.ts'
import { runSteps, STEPS, type StepReport } from './demo-steps.ts'
import { stepLine, tableOf } from './demo-table.ts'
import { type DemoWorld, guestOf, pfnsInUse, secretsFor } from './demo-world.ts'
import { type Endpoints, endpointsOf } from './endpoints.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { credentialsOf } from './net-options.ts'
import { addOptions, readOptions } from './options.ts'
import { counted, elapsed } from './progress-bar.ts'

const EXAMPLES = `
Examples:
  uvmem demo                                 the running node executable as the kernel
  uvmem demo --kernel ./vmlinux --initrd ./initrd.img
  uvmem demo --url http://127.0.0.1:8080     at a server that runs already
  uvmem demo --hv-profile spec --uv-profile spec --protocol bin

Exit codes: 0 every line held, 1 one did not, 2 bad usage.`

/** Milliseconds within which both processes must end when they are told to. */
const END_MS_MAX = 3_000
const MARKER_BYTES = 16
const NOTHING_LEFT = 'no PFN is left'

export function register(program: Command, io: Io): void {
  const command = program
    .command('demo')
    .description('Take a guest through its whole life, in two processes, and check every step')
  addOptions(command, DemoOptions).addHelpText('after', EXAMPLES)
  command.action(async () => {
    await run(readOptions(command, DemoOptions, io), io)
  })
}

async function run(options: DemoOptions, io: Io): Promise<void> {
  const files = filesOf(options, io)
  const slotPages = Math.floor(options.memory / 2)
  const guest = guestOf(files, slotPages)
  const children: Child[] = []
  io.onSignal(() => {
    for (const child of children) child.kill()
    io.exit(ExitCode.Failed)
  })
  const say = (line: string): void => {
    if (!options.json) io.out.write(`${line}\n`)
  }
  try {
    const start = performance.now()
    const { rest, agent } = await startBoth(options, io, children, say)
    const { pool } = await rest.call('getHost')
    const marker = randomBytes(MARKER_BYTES)
    const demo: DemoWorld = {
      rest,
      agent,
      lpid: asLpid(options.lpid),
      pfnsOfOthers: pool.used,
      files,
      guest,
      slotPages,
      secrets: secretsFor(slotPages, marker, randomBytes),
      marker,
    }
    const reports = await runSteps(demo, tellTo(say))
    const ended = await endBoth(demo, children, reports[0]?.ok === true)
    say(`${ended.ok ? 'ok  ' : 'FAIL'} ${STEPS.length + 2} ${ended.text}`)
    tellEnd(reports, ended.ok, performance.now() - start, options, io)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw error instanceof CommandError ? error : new CommandError(why, ExitCode.Failed)
  } finally {
    for (const child of children) child.kill()
  }
}

function tellTo(say: (line: string) => void): (report: StepReport) => void {
  let number = 1
  return (report) => {
    number++
    say(stepLine(number, report))
  }
}

function filesOf(options: DemoOptions, io: Io): GuestFiles {
  return {
    kernel: open('kernel', options.kernel ?? io.self[0]),
    initrd: open('initrd', options.initrd ?? ownFile()),
  }
}

function open(what: string, path: string) {
  try {
    return openFile(path)
  } catch (error) {
    throw new CommandError(`--${what} ${path}: ${error instanceof Error ? error.message : error}`)
  }
}

/** A real file that is always there: from the sources, once built, or installed. */
function ownFile(): string {
  const places = ['../../package-lock.json', '../../../package-lock.json', '../../../package.json']
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)))
  return paths.find((path) => existsSync(path)) ?? fileURLToPath(import.meta.url)
}

const Ready = z.object({ event: z.literal('ready'), url: z.string(), uv: z.string() })

/** The ultravisor, and the server unless there is one. */
async function startBoth(
  options: DemoOptions,
  io: Io,
  children: Child[],
  say: (line: string) => void,
): Promise<{ rest: HvRest; agent: DemoAgent }> {
  const start = performance.now()
  const { url, tlsCa, uvProfile: profile, protocol } = options
  const { token, ca } = credentialsOf(options)
  const server = url === undefined ? await startServer(options, io, children) : endpointsOf(url)
  const words = ['uv-agent', '--url', server.uv, '--profile', profile, '--protocol', protocol]
  const settings = {
    ...(token === undefined ? {} : { UVMEM_TOKEN: token }),
    ...(tlsCa === undefined ? {} : { UVMEM_TLS_CA: tlsCa.path }),
  }
  const child = new Child(io, 'the ultravisor', words, settings)
  children.unshift(child)
  const agent = new DemoAgent(child)
  await agent.ready()
  const rest = new HvRest({ url: server.http, token, ca })
  const facts = await rest.call('getHost')
  const sides = `${facts.profile} at ${server.http}, ${profile} over ${protocol}`
  const text = `${sides}; processes ${children.map(({ pid }) => pid).join(' and ')}`
  const name = url === undefined ? 'start two processes' : 'start the ultravisor'
  const ms = performance.now() - start
  const report = { name, ok: true, ms, text, hypercalls: 0, ultracalls: 0, after: null }
  say(stepLine(1, report))
  return { rest, agent }
}

async function startServer(
  { memory, hvProfile }: DemoOptions,
  io: Io,
  children: Child[],
): Promise<Endpoints> {
  const words = ['hv', '--port', '0', '--log-level', 'warn', '--profile', hvProfile]
  const server = new Child(io, 'the server', [...words, '--pool', String(2 * memory)])
  children.push(server)
  const { url, uv } = Ready.parse(await server.hear())
  return { http: url, uv }
}

/** Destroys the VM if the demo made it, and sees the processes end by themselves. */
async function endBoth(
  demo: DemoWorld,
  [agent, server]: readonly Child[],
  isOurs: boolean,
): Promise<{ ok: boolean; text: string }> {
  const start = performance.now()
  const left = isOurs ? await destroy(demo) : 'the VM is not ours'
  const codes = [await agent?.end('stdin')]
  if (server !== undefined) codes.push(await server.end('SIGTERM'))
  const ms = performance.now() - start
  const ok = left === NOTHING_LEFT && codes.every((code) => code === 0) && ms < END_MS_MAX
  const name = 'destroy the VM, end'.padEnd(27)
  const text = `${left}; exit codes ${codes.join(' and ')}`
  return { ok, text: `${name} ${elapsed(ms).padStart(7)}  ${text}` }
}

/** What is left of the VM, in words. */
async function destroy(demo: DemoWorld): Promise<string> {
  try {
    await demo.rest.call('deleteVm', { path: { lpid: demo.lpid } })
    const pfns = await pfnsInUse(demo)
    return pfns === 0 ? NOTHING_LEFT : `${pfns} PFNs are left`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function tellEnd(
  reports: readonly StepReport[],
  endedWell: boolean,
  ms: number,
  options: DemoOptions,
  io: Io,
): void {
  const ok = endedWell && reports.length === STEPS.length && reports.every((step) => step.ok)
  if (!ok) io.setExitCode(ExitCode.Failed)
  if (options.json) {
    io.out.write(`${JSON.stringify({ ok, ms: Math.round(ms), steps: reports })}\n`)
    return
  }
  const held = reports.filter((step) => step.ok).length + 1 + Number(endedWell)
  const verdict = ok ? 'Every line held.' : 'One line did not hold.'
  const missing = STEPS.length - reports.length
  const rest = missing === 0 ? '' : `, ${missing} were not run`
  const counts = `${counted(held)} of ${STEPS.length + 2}${rest}`
  io.out.write(`\n${tableOf(reports)}\n\n${verdict} ${counts}, in ${elapsed(ms)}.\n`)
}
