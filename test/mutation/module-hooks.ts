/**
 * How test files are loaded more than once in a process: what is asked for as `x.js?run=2` loads all of
 * the sandbox's own files anew, and its `tap` only collects tests. Node.js runs this beside the main
 * thread (`register` of node:module).
 */
import type { InitializeHook, ResolveHook } from 'node:module'
import { COLLECTION } from './collected-tests.ts'

const COLLECTOR = `data:text/javascript,export default globalThis[${JSON.stringify(COLLECTION)}]`

let sandbox = ''

export const initialize: InitializeHook<{ readonly sandbox: string }> = (data) => {
  sandbox = data.sandbox
}

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const [, run] = /\?run=(\d+)$/.exec(context.parentURL ?? '') ?? []
  if (run === undefined) return await nextResolve(specifier, context)
  if (specifier === 'tap') return { url: COLLECTOR, shortCircuit: true }
  const found = await nextResolve(specifier, context)
  return found.url.startsWith(sandbox) ? { ...found, url: `${found.url}?run=${run}` } : found
}
