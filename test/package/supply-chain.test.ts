/** Whom a user of the server trusts: a list that nobody lengthens unnoticed. */
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { buildProgram } from '../built-program.ts'
import { served } from './served.ts'
import { run } from './tarball.ts'

t.setTimeout(300_000)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Entry {
  readonly version: string
  readonly integrity?: string
  readonly resolved?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly hasInstallScript?: boolean
}
const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly lockfileVersion: number
  readonly packages: Readonly<Record<string, Entry>>
}
const entries = Object.entries(lock.packages).filter(([path]) => path !== '')
const production = entries.filter(([, { dev }]) => dev !== true)

/** Seven that we name, one that is optional, and what those need. */
const PRODUCTION = [
  ...['@fastify/ajv-compiler', '@fastify/error', '@fastify/fast-json-stringify-compiler'],
  ...['@fastify/forwarded', '@fastify/merge-json-schemas', '@fastify/proxy-addr'],
  ...['@opentelemetry/api', '@pinojs/redact', 'abstract-logging', 'ajv', 'ajv-formats'],
  ...['atomic-sleep', 'avvio', 'bintrees', 'bufferutil', 'commander', 'cookie', 'dequal'],
  ...['fast-decode-uri-component', 'fast-deep-equal', 'fast-json-stringify', 'fast-querystring'],
  ...['fast-uri', 'fastify', 'fastq', 'find-my-way', 'ipaddr.js', 'json-schema-ref-resolver'],
  ...['json-schema-traverse', 'light-my-request', 'node-gyp-build', 'on-exit-leak-free', 'pino'],
  ...['pino-abstract-transport', 'pino-std-serializers', 'process-warning', 'prom-client'],
  ...['quick-format-unescaped', 'real-require', 'require-from-string', 'ret', 'reusify', 'rfdc'],
  ...['safe-regex2', 'safe-stable-stringify', 'secure-json-parse', 'semver', 'set-cookie-parser'],
  ...['sonic-boom', 'split2', 'tdigest', 'thread-stream', 'toad-cache', 'ws'],
  ...['xxhash-wasm', 'zod'],
]
/** The same package twice, in different versions. */
const TWICE = ['fast-uri', 'process-warning']

const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 13)

t.test('production has these packages and no other', async (t) => {
  t.same(production.map(([path]) => nameOf(path)).sort(), [...PRODUCTION, ...TWICE].sort())
  t.equal(production.length, 58)
})

t.test('every package is known by the digest of its content', async (t) => {
  t.equal(lock.lockfileVersion, 3)
  t.ok(entries.length > 200, `${entries.length} packages`)
  for (const [path, { integrity, version }] of entries) {
    t.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, path)
    t.match(version, /^\d+\.\d+\.\d+/, path)
  }
})

t.test('no package comes from a place of its own', async (t) => {
  const resolved = entries.filter((entry) => entry[1].resolved !== undefined)
  t.same(
    resolved.map(([path]) => path),
    [],
    'the place is everybody’s own setting; no host is written down',
  )
})

t.test('one package of production has a script, and is optional', async (t) => {
  const scripts = production.filter(([, { hasInstallScript }]) => hasInstallScript === true)
  t.same(
    scripts.map(([path, { optional }]) => [nameOf(path), optional]),
    [['bufferutil', true]],
  )
})

t.test('a server starts from an install in which no script ran', async (t) => {
  const folder = t.testdir()
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
    cpSync(join(ROOT, name), join(folder, name))
  }
  const words = ['ci', '--ignore-scripts', '--omit=dev', '--prefer-offline', '--no-audit']
  try {
    run('npm', [...words, '--no-fund', '--loglevel=error'], folder)
  } catch (error) {
    if (!/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT/.test(String(error))) throw error
    t.comment('not tried: the packages cannot be reached from here')
    t.match(String(error), 'npm', 'nothing else was wrong')
    return
  }
  const [script = ''] = buildProgram().words
  mkdirSync(join(folder, 'dist'))
  cpSync(join(script, '..', '..', '..'), join(folder, 'dist'), { recursive: true })
  const program = join(folder, 'dist', 'src', 'bin', 'uvmem.js')
  const { ended } = await served(t, [process.execPath, program], async () => undefined)
  t.same(ended, { code: 0, err: '' })
})
