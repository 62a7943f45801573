/**
 * What compose.yaml asks of a container, without one: a user with no name and no capability, on a root
 * that cannot be written to. The server must need no more.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { buildProgram } from '../built-program.ts'
import { served } from './served.ts'

t.setTimeout(300_000)
const NOBODY = '65534'

/**
 * The program with its words behind: in a view of the files in which nothing can be written to. /tmp may
 * be a file system of its own, and this folder may lie in it.
 */
const SCRIPT = [
  'for at in / /tmp; do mount --bind $at $at && mount -o remount,bind,ro $at || exit 77; done',
  // Where it stands is as it was before, until it is entered again.
  'cd "$PWD" || exit 77',
  `exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"`,
].join('\n')
const confined = (words: readonly string[]): readonly string[] => [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c', SCRIPT, 'sh'],
  ...words,
]

/** Writes wherever a program might; says what happened to each. */
const PROBE = `
const { writeFileSync } = require('node:fs')
for (const folder of ['', '/tmp', '/var/tmp', process.argv[1], '.']) {
  const path = folder + '/uvmem-probe'
  try { writeFileSync(path, 'x'); console.log('written', path) } catch ({ code }) { console.log(code) }
}`

function probe(folder: string) {
  const [command = '', ...words] = confined([process.execPath, '-e', PROBE, folder])
  const env = { PATH: process.env['PATH'] ?? '' }
  return spawnSync(command, words, { encoding: 'utf8', env })
}
const tried = probe('/')
const skip =
  tried.status === 0 ? false : 'this needs setpriv, unshare and the right to use them: not tried'

t.test('a server needs no right and writes nothing', { skip }, async (t) => {
  const program = buildProgram().words
  const { stdout, stderr } = probe(program[0]?.replace(/\/src\/bin\/.*/, '') ?? '')
  t.same(stdout.trim().split('\n'), Array(5).fill('EROFS'), `nowhere can it write; ${stderr}`)
  const { ended, endMs } = await served(
    t,
    confined([process.execPath, ...program]),
    async (pid) => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const field = (name: string): string =>
        new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? ''
      t.same(field('Uid').split('\t'), [NOBODY, NOBODY, NOBODY, NOBODY])
      t.same(field('Gid').split('\t'), [NOBODY, NOBODY, NOBODY, NOBODY])
      t.equal(field('Groups').trim(), '')
      for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
        t.match(field(name), /^0+$/, `${name} is empty`)
      }
      t.equal(field('NoNewPrivs'), '1')
    },
  )
  t.same(ended, { code: 0, err: '' }, 'it ends as it should, and has not complained')
  t.ok(endMs < 3_000, `${Math.round(endMs)} ms`)
})
