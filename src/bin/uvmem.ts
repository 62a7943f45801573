#!/usr/bin/env node
/** The `uvmem` command: the only file that knows `process`. */
import type { Io } from './io.ts'
import { main } from './main.ts'

const io: Io = {
  env: process.env,
  input: process.stdin,
  out: process.stdout,
  err: process.stderr,
  isTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  self: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
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
