/** A share's two sides for the tests of shares: an SVM that runs, and a hypervisor that keeps to the rules. */
import { asGfn } from '../../src/abi/page.ts'
import { FRAME_STATES } from '../../src/ultravisor/frame-state.ts'
import { runSteps, type UvSteps } from '../../src/ultravisor/steps.ts'
import type { Svm } from '../../src/ultravisor/svm.ts'
import { HonestHv, type Setup, settle } from './uv-for-test.ts'

export function setup(options: Setup = {}) {
  const { uv, svm } = settle(options)
  const hv = new HonestHv(uv)
  const run = <R>(steps: UvSteps<R>): R => runSteps(steps, hv.answer)
  const zeroings = () => hv.asked.filter((text) => text.startsWith('MEM_WRITE'))
  return { uv, svm, hv, run, zeroings }
}

export const states = (svm: Svm, ...gfns: number[]): string[] =>
  gfns.map((gfn) => FRAME_STATES[svm.frames.state(asGfn(gfn))].name)
export const RET = (ret: number) => ({ kind: 'RET', ret })
