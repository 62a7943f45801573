/** Prints how many megabytes a 100 GB VM adds to a process that is warm. */
import { growthOfBigVm } from './core.ts'

const collect = (globalThis as { gc?: () => void }).gc
if (collect === undefined) throw new Error('needs --expose-gc')
console.log(growthOfBigVm(collect).toFixed(2))
