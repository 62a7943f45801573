/**
 * Settings of V8 for a process that does nothing but calls. To be imported before anything else.
 *
 * What a call makes dies at once: a collection finds next to nothing alive, and to wake helper threads
 * for it, and to wait for them, takes longer than all the rest of it where server and clients have all
 * processors busy.
 */
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--no-parallel-scavenge')
setFlagsFromString('--no-concurrent-array-buffer-sweeping')
