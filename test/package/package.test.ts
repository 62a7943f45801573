/** The package as others install it: what is in it, and that a project of theirs works with it. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { installTarball, packTarball, run, TSC } from './tarball.ts'

const tarball = packTarball()
t.teardown(() => rmSync(tarball.folder, { recursive: true, force: true }))
const project = installTarball(tarball)
t.setTimeout(120_000)

/** Everything that may be in the package, and why. */
const WANTED: readonly RegExp[] = [
  /^package\.json$|^README\.md$|^LICENSE$|^CHANGELOG\.md$/, // About it.
  /^dist\/(src|schemas)\/[a-z0-9/-]+\.(js|d\.ts)$/, // The program and its types.
  /^dist\/src\/server\/dashboard\/[a-z0-9-]+\.(html|css|js|svg)$/, // The page at /.
  /^schemas\/[a-z-]+\.(md|json)$|^schemas\/README\.md$/, // The protocol, for other languages.
  /^schemas\/generated\/[a-z-]+\.json$/,
  /^schemas\/golden\/\w+\.json$/,
]

t.test('the package holds what is needed and nothing else', async (t) => {
  const strange = tarball.files.filter((path) => !WANTED.some((wanted) => wanted.test(path)))
  t.same(strange, [])
  const must = [
    'LICENSE',
    'README.md',
    'dist/src/index.js',
    'dist/src/index.d.ts',
    'dist/src/bin/uvmem.js',
    'dist/src/server/dashboard/index.html',
    'dist/schemas/limits.js',
    'schemas/README.md',
    'schemas/binary.md',
    'schemas/binary-vectors.json',
    'schemas/generated/hypervisor-receives.json',
  ]
  for (const path of must) t.ok(tarball.files.includes(path), path)
  t.notOk(
    tarball.files.some((path) => path.includes('generate.')),
    'the generator stays here',
  )
  t.notOk(tarball.files.some((path) => path.includes('test')))
  t.ok(tarball.bytes < 900_000, `${tarball.bytes} bytes`)
})

const PROGRAM = `
import { asGpa, asLpid, asSlotId, createEmulator, type Emulator, LIMITS, RestError, version } from 'uvmem'

async function vmsOf(emulator: Emulator): Promise<number> {
  const { vms } = await emulator.rest.call('listVms')
  const state: 'normal' | 'transient' | 'secure' | undefined = vms[0]?.state
  console.log(state)
  return vms.length
}

await using emulator = await createEmulator({ profile: 'linux-6', poolPages: 64 })
const client = await emulator.connect({ protocol: 'bin' })
const ret: number = await client.svm(asLpid(3)).registerSlot(asSlotId(0), asGpa(0), 65_536)
console.log(ret, await vmsOf(emulator), LIMITS.vmsMax, version)
try {
  await emulator.rest.call('getVm', { path: { lpid: 9 } })
} catch (error) {
  if (error instanceof RestError) console.log(error.status)
}
// @ts-expect-error There is no such profile.
await createEmulator({ profile: 'linux-7' }).catch((error: Error) => console.log(error.name))
`
const SETTINGS = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    // Our types hold for those who look at them closely, too.
    skipLibCheck: false,
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
  },
  files: ['program.ts'],
}

t.test('a project type-checks against it and runs an emulator', async (t) => {
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }))
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(SETTINGS))
  writeFileSync(join(project, 'program.ts'), PROGRAM)
  t.equal(run(TSC, ['-p', project]), '', 'no complaint')
  const out = run(process.execPath, ['program.js'], project)
  const { version } = JSON.parse(run('tar', ['-xzOf', tarball.path, 'package/package.json']))
  t.same(out.trim().split('\n'), ['normal', `0 1 4095 ${version}`, '404', 'TypeError'])
})

t.test('its command runs', async (t) => {
  const script = join(project, 'node_modules', 'uvmem', 'dist', 'src', 'bin', 'uvmem.js')
  t.match(run(process.execPath, [script, '--help']), /^Usage: uvmem /)
})
