/** Packs the package in a folder of its own, as `npm publish` would. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const TSC = join(ROOT, 'node_modules', '.bin', 'tsc')

/**
 * Runs a program as a user would: without what the test runner puts into every child's environment.
 * Returns what it said; throws when it fails, with all it said.
 */
export function run(program: string, words: readonly string[], cwd = ROOT): string {
  const kept = ['PATH', 'HOME'].map((name) => `${name}=${process.env[name] ?? ''}`)
  const given = spawnSync('env', ['-i', ...kept, program, ...words], { cwd, encoding: 'utf8' })
  if (given.status === 0) return given.stdout
  throw new Error(`${program} ended with ${given.status}: ${given.stdout}${given.stderr}`)
}

export interface Tarball {
  readonly folder: string
  /** Where the packed file is. */
  readonly path: string
  /** What is in it, sorted. */
  readonly files: readonly string[]
  readonly bytes: number
}

/** Builds and packs; the checkout's own `dist` is left alone. */
export function packTarball(): Tarball {
  const folder = mkdtempSync(join(tmpdir(), 'uvmem-package-'))
  for (const name of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'schemas']) {
    if (existsSync(join(ROOT, name))) {
      cpSync(join(ROOT, name), join(folder, name), { recursive: true })
    }
  }
  const out = join(folder, 'dist')
  // Types are checked elsewhere.
  const build = ['-p', join(ROOT, 'docker/tsconfig.json'), '--noCheck', '--outDir', out]
  run(TSC, build)
  const pages = join('src', 'server', 'dashboard')
  cpSync(join(ROOT, pages), join(out, pages), { recursive: true })
  const words = ['pack', '--ignore-scripts', '--json', '--loglevel=error']
  const [packed] = JSON.parse(run('npm', words, folder)) as [
    { filename: string; size: number; files: readonly { path: string }[] },
  ]
  return {
    folder,
    path: join(folder, packed.filename),
    files: packed.files.map(({ path }) => path).sort(),
    bytes: packed.size,
  }
}

/** A project that has the tarball, and nothing else but what the tarball depends on. */
export function installTarball({ folder, path }: Tarball): string {
  const project = join(folder, 'project')
  const modules = join(project, 'node_modules')
  mkdirSync(join(modules, 'uvmem'), { recursive: true })
  run('tar', ['-xzf', path, '-C', join(modules, 'uvmem'), '--strip-components=1'])
  const { dependencies } = JSON.parse(
    readFileSync(join(modules, 'uvmem', 'package.json'), 'utf8'),
  ) as { dependencies: Readonly<Record<string, string>> }
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  return project
}
