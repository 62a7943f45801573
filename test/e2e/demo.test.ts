/** The demo with a small guest: two processes of its own, or one at a server that is there. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run, start, startServer, until } from './program.ts'

/** A flat kernel of 20 pages and a bit. */
function smallKernel(dir: string): string {
  const path = join(dir, 'kernel')
  writeFileSync(
    path,
    Uint8Array.from({ length: 1_320_000 }, (_, i) => (i * 31 + (i >> 9)) % 251),
  )
  return path
}

const STEPS = [
  'create a VM',
  'load the guest',
  'switch, necessary pages',
  'guest writes secrets',
  'host reads a secret page',
  'search what the host holds',
  'guest reads its secrets',
  'host flips a bit',
  'share, exchange messages',
  'unshare',
  'hot-add memory',
  'hot-remove it',
  'reboot, switch again',
  'switch, all pages',
  'switch, wrong digest',
]

interface Step {
  readonly name: string
  readonly ok: boolean
  readonly hypercalls: number
  readonly ultracalls: number
  readonly after: { readonly hv: Record<string, number>; readonly wrong: readonly string[] }
}

t.setTimeout(300_000)

t.test('with the defects of both sides every line holds, and people get a table', async (t) => {
  const kernel = smallKernel(t.testdir())
  const { code, out, err } = await run(['demo', '--memory', '64MiB', '--kernel', kernel])
  t.equal(err, '')
  t.equal(code, 0)
  const lines = out.split('\n')
  t.equal(lines.filter((line) => /^ok {2,3}\s*\d+ /.test(line)).length, STEPS.length + 2)
  t.notMatch(out, 'FAIL')
  for (const name of STEPS) t.equal(lines.filter((line) => line.includes(name)).length, 2, name)
  t.match(lines.at(-2), /^Every line held\. 17 of 17, in /)
})

t.test('as documented on both sides every line holds, and machines get a document', async (t) => {
  const kernel = smallKernel(t.testdir())
  const profiles = ['--hv-profile', 'spec', '--uv-profile', 'spec', '--protocol', 'bin']
  const words = ['demo', '--memory', '64MiB', '--kernel', kernel, '--json']
  const { code, out, err } = await run([...words, ...profiles])
  t.equal(err, '')
  t.equal(code, 0)
  const { ok, steps } = JSON.parse(out) as { ok: boolean; steps: readonly Step[] }
  t.equal(ok, true)
  t.same(
    steps.map(({ name }) => name),
    STEPS,
  )
  for (const step of steps) t.match(step, { ok: true, after: { wrong: [] } }, step.name)
  const states = new Map(steps.map(({ name, after }) => [name, after.hv]))
  const none = { normal: 0, paged_out: 0 }
  t.same(states.get('load the guest'), { ...none, normal: 1_024, secure: 0, shared: 0 })
  t.same(states.get('switch, necessary pages'), { ...none, secure: 1_023, shared: 1 })
  // 17 pages with secrets and 20 of the kernel are out when the host is searched.
  const searched = { normal: 0, secure: 986, paged_out: 37, shared: 1 }
  t.same(states.get('search what the host holds'), searched)
  t.same(states.get('hot-add memory')?.['secure'], (states.get('unshare')?.['secure'] ?? 0) + 128)
  t.same(states.get('switch, wrong digest'), { ...none, normal: 1_024, secure: 0, shared: 0 })
})

t.test('at a server that is there: its other VMs are left alone', async (t) => {
  const server = await startServer(['--vm', '4:1MiB'])
  t.teardown(() => server.process.kill('SIGKILL'))
  const kernel = smallKernel(t.testdir())
  const words = ['demo', '--url', server.url, '--memory', '64MiB', '--kernel', kernel]
  const taken = await run([...words, '--lpid', '4'])
  t.equal(taken.code, 1, 'an LPID that is taken')
  t.match(taken.out, /^FAIL {2}2 create a VM .*There is a VM 4\./m)
  t.match(taken.out, /14 were not run/)
  const { code, out } = await run([...words, '--lpid', '6'])
  t.equal(code, 0)
  t.match(out, /^ok +1 start the ultravisor/)
  const answer = await fetch(`${server.url}/v1/vms`)
  const { vms } = (await answer.json()) as { vms: { lpid: number; frames: number }[] }
  t.match(vms, [{ lpid: 4, frames: 16 }], 'the demo has taken its own VM away')
  t.equal(vms.length, 1)
})

t.test('interrupted, it ends with 1 and leaves no process behind', async (t) => {
  const demo = start(['demo', '--memory', '2GiB'])
  t.teardown(() => demo.process.kill('SIGKILL'))
  await until(() => (demo.said().out.includes(' create a VM') ? true : undefined))
  const children = childrenOf(demo.process.pid ?? 0)
  t.equal(children.length, 2)
  demo.process.kill('SIGINT')
  t.equal((await demo.ended).code, 1)
  await until(() => (children.every((pid) => !isAlive(pid)) ? true : undefined))
  t.same(children.filter(isAlive), [])
})

const childrenOf = (pid: number): number[] =>
  execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /uvmem\.[jt]s (hv|uv-agent) /.test(line))
    .map((line) => Number.parseInt(line, 10))

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
