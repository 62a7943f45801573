/**
 * The program, built: what tests start as processes of their own would else be translated at each start.
 * It is built when the sources have changed, by whoever asks first.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DASHBOARD = join('src', 'server', 'dashboard')

export interface Program {
  /** What Node.js is told: flags and the script. */
  readonly words: readonly string[]
}

let built: Program | undefined

export function buildProgram(): Program {
  built ??= { words: [join(folderOfBuild(), 'src', 'bin', 'uvmem.js')] }
  return built
}

/** Beside the packages that the program imports. */
function folderOfBuild(): string {
  const cache = join(ROOT, 'node_modules', '.cache')
  const folder = join(cache, `uvmem-${stampOfSources()}`)
  if (existsSync(folder)) return folder
  mkdirSync(cache, { recursive: true })
  // Tests run at once: each builds apart, and the first one that is done gives it its name.
  const own = `${folder}-${process.pid}`
  build(own)
  try {
    renameSync(own, folder)
  } catch (error) {
    rmSync(own, { recursive: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}

function build(folder: string): void {
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
  const words = ['-p', 'docker/tsconfig.json', '--outDir', folder, '--declaration', 'false']
  // What tap wants of Node.js is for tests, not for the compiler: it adds that to every environment.
  execFileSync('env', ['-u', 'NODE_OPTIONS', tsc, ...words], { cwd: ROOT })
  cpSync(join(ROOT, DASHBOARD), join(folder, DASHBOARD), { recursive: true })
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
}

/** Another one whenever a source is written, comes or goes. */
function stampOfSources(): string {
  const files = ['src', 'schemas', 'package.json', 'tsconfig.json'].flatMap(filesIn)
  const newest = Math.max(...files.map((file) => statSync(file).mtimeMs))
  return `${files.length}-${Math.round(newest)}`
}

function filesIn(name: string): readonly string[] {
  const path = join(ROOT, name)
  if (!statSync(path).isDirectory()) return [path]
  const entries = readdirSync(path, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.path, entry.name))
}
