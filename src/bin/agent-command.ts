/** `uvmem uv-agent`, hidden: an ultravisor that is told what to do on stdin, for `uvmem demo`. */
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { connectUv } from '../peer/uv-client.ts'
import { ConnectError } from '../peer/ws-transport.ts'
import { AgentOptions } from './agent-options.ts'
import { AGENT, AgentRequest, type AgentTask } from './agent-protocol.ts'
import { type Agent, AgentMemory, TASKS } from './agent-tasks.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { credentialsOf } from './net-options.ts'
import { addOptions, readOptions } from './options.ts'

export function register(program: Command, io: Io): void {
  const command = program.command('uv-agent', { hidden: true })
  command.description('Serve guests as told on stdin, one JSON document a line')
  addOptions(command, AgentOptions)
  command.action(async () => {
    await run(readOptions(command, AgentOptions, io), io)
  })
}

async function run(options: AgentOptions, io: Io): Promise<void> {
  const { url, profile, protocol } = options
  const memory = new AgentMemory()
  const watch = { ultracall: memory.note }
  const name = 'uvmem demo'
  const client = await connectUv({
    url,
    profile,
    protocol,
    ...credentialsOf(options),
    name,
    watch,
  }).catch((error: unknown) => {
    if (error instanceof ConnectError) throw new CommandError(error.message, ExitCode.Failed)
    throw error
  })
  const { session } = await client.open()
  const say = (line: object): void => {
    io.out.write(`${JSON.stringify(line)}\n`)
  }
  say({ event: 'ready', session })
  const agent: Agent = { client, memory, profile }
  // One after the other: the demo waits for each answer, and the end of stdin is the end.
  for await (const line of createInterface({ input: io.input })) say(await answer(agent, line))
  client.close()
}

async function answer(agent: Agent, line: string): Promise<object> {
  const request = AgentRequest.parse(JSON.parse(line))
  const { id, task, asks } = request
  try {
    const asked = AGENT[task].asks.parse(asks)
    // The table's key is the task's name, so it takes exactly what this task asks for.
    const run = TASKS[task] as (agent: Agent, asked: unknown) => Promise<unknown>
    return { id, gives: await run(agent, asked) }
  } catch (error) {
    return { id, error: `${task satisfies AgentTask}: ${String(error)}` }
  }
}
