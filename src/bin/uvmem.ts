#!/usr/bin/env node
/** The `uvmem` command: the only file that knows `process`. */
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
  out: process.stdout,
  err: process.stderr,
  isTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  self: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
  parent: process.send === undefined ? undefined : parent,
  onSignal: (handle) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => handle(signal))
  },
  setExitCode: (code) => {
    process.exitCode = code
  },
  exit: (code) => process.exit(code),
}

const code = await main(process.argv.slice(2), io)
if (code !== undefined) process.exitCode = code
