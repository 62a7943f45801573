/** The program, built for a test that starts it a hundred times: sources would be translated each time. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Program } from './server-process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Beside the packages that it imports; each `user` has a folder, as tests run at once. */
export function buildProgram(user: string): Program {
  const dir = join(ROOT, 'node_modules', '.cache', `uvmem-${user}`)
  mkdirSync(dirname(dir), { recursive: true })
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
  const words = ['-p', 'docker/tsconfig.json', '--outDir', dir, '--declaration', 'false']
  // What tap wants of Node.js is for tests, not for the compiler: it adds that to every environment.
  execFileSync('env', ['-u', 'NODE_OPTIONS', tsc, ...words], { cwd: ROOT })
  return { words: [join(dir, 'src', 'bin', 'uvmem.js')] }
}
