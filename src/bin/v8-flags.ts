/**
 * Settings of V8 for a process that does nothing but calls. To be imported before anything else. One
 * more has to be there before V8 is: --max-semi-space-size=4, in the first line of uvmem.ts and in
 * docker/Dockerfile, keeps what is new small enough for the processor's cache.
 *
 * What a call makes dies at once: a collection finds next to nothing alive, and to wake helper threads
 * for it, and to wait for them, takes longer than all the rest of it where server and clients have all
 * processors busy.
 */
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--no-parallel-scavenge')
setFlagsFromString('--no-concurrent-array-buffer-sweeping')
// A call goes through many small functions, which cost most where they are called: V8 may put more of
// them into one piece of machine code than it does by itself.
setFlagsFromString('--max-inlined-bytecode-size=1000')
setFlagsFromString('--max-inlined-bytecode-size-cumulative=3000')
