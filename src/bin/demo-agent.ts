/** The demo's side of its ultravisor process. */
import type { z } from 'zod'
import {
  AGENT,
  type AgentAsks,
  type AgentGives,
  AgentReady,
  AgentReply,
  type AgentTask,
} from './agent-protocol.ts'
import type { Child } from './child.ts'

export class DemoAgent {
  readonly #child: Child
  #lastId = 0

  constructor(child: Child) {
    this.#child = child
  }

  /** Waits until it is connected. */
  async ready(): Promise<void> {
    AgentReady.parse(await this.#child.hear())
  }

  /** Has one thing done; one at a time. */
  async ask<Task extends AgentTask>(task: Task, asks: AgentAsks<Task>): Promise<AgentGives<Task>> {
    this.#lastId++
    this.#child.say({ id: this.#lastId, task, asks })
    const reply = AgentReply.parse(await this.#child.hear())
    if ('error' in reply) throw new Error(reply.error)
    const gives: z.ZodType = AGENT[task].gives
    return gives.parse(reply.gives) as AgentGives<Task>
  }
}
