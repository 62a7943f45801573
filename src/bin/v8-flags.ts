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
// What was alive in a few collections is not what will be: V8 makes such objects old at once, and has to
// mark the whole heap for their garbage.
setFlagsFromString('--no-allocation-site-pretenuring')
// Pages of bytes lie outside of V8's heap, which is small: what it lets a small heap grow by, them among
// it, is passed every 300 pages, and the marking of the heap never ended.
setFlagsFromString('--heap-growing-percent=400')
// A call goes through many small functions, which cost most where they are called: V8 may put more of
// them into one piece of machine code than it does by itself.
setFlagsFromString('--max-inlined-bytecode-size=1000')
setFlagsFromString('--max-inlined-bytecode-size-cumulative=3000')
// What a call runs through is known after a few thousand of them: V8 compiles it after a quarter of what
// it waits by itself, and again when another VM has shown it something new.
setFlagsFromString('--interrupt-budget=33000')
