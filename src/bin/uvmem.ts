#!/usr/bin/env -S node --max-semi-space-size=4
/** The `uvmem` command: the only file that knows `process`. */
import './v8-flags.ts'
import type { Io, ParentPort } from './io.ts'
import { main } from './main.ts'

const parent: ParentPort = {
  send: (message) => process.send?.(message),
  onMessage: (hear) => process.on('message', hear),
  onEnd: (ended) => process.once('disconnect', ended),
  close: () => {
    if (process.connected) process.disconnect()
  },
}

const io: Io = {
  env: process.env,
  input: process.stdin,
  inputIsTerminal: process.stdin.isTTY === true,
  out: process.stdout,
  err: process.stderr,
  isTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  self: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
  parent: process.send === undefined ? undefined : parent,
  onSignal: (handle, signals = ['SIGINT', 'SIGTERM']) => {
    for (const signal of signals) process.on(signal, () => handle(signal))
  },
  setExitCode: (code) => {
    process.exitCode = code
  },
  exit: (code) => process.exit(code),
}

// Whoever reads our lines may have enough of them (`uvmem frames 1 | head`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

const code = await main(process.argv.slice(2), io)
if (code !== undefined) process.exitCode = code
