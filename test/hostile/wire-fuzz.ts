/**
 * Fuzzes the wire inside one process: hostile clients against the real connections, codecs and
 * hypervisor, a well-behaved client beside them. Everything follows from the seed.
 */

import { prng } from '../../src/lib/prng.ts'
import type { HvProfileName } from '../../src/uvmem/profile.ts'
import { GOOD_LPID, GoodClient } from './good-client.ts'
import { oneIn, pick } from './grow.ts'
import { type Again, HostileClient } from './hostile-client.ts'
import { type Data, Hostility, type Protocol } from './hostility.ts'
import { WireWorld } from './wire-world.ts'

/** A life of a hostile client: how it speaks, and all that it sends. */
export interface Life {
  readonly protocol: Protocol
  readonly sent: (Data | Again)[]
}

/** A story that ends badly. */
export interface Failure {
  readonly profile: HvProfileName
  readonly lives: readonly Life[]
  readonly error: unknown
}

export interface WireCounts {
  messages: number
  lives: number
  rounds: number
  goodTurns: number
  /** By what came of it. */
  readonly outcomes: Map<string, number>
}

const PROFILES: readonly HvProfileName[] = [
  'linux-6',
  'series-v3',
  'linux-5.6',
  'series-v1',
  'stateless',
]
/** Lives of one round; the hostile VMs are destroyed after it. */
const livesPerRound = 12
const messagesPerLife = 60
/** In a session, one resume for so many messages. */
const againEvery = 30

/** Mostly nothing is announced, so that the model can say what has to come. */
const again = (random: ReturnType<typeof prng>): Again => ({
  announced: oneIn(random, 4) ? 1 + random.int(4) : 0,
  isCut: oneIn(random, 2),
})

/** Messages between two turns of the good client. */
const goodEvery = 40

/** A world with a good client in it. */
export async function newStage(profile: HvProfileName) {
  const world = new WireWorld(profile)
  const good = new GoodClient(world)
  await good.begin()
  return { world, good, profile }
}
type Stage = Awaited<ReturnType<typeof newStage>>

/**
 * One round. Half of all rounds are played in the world that stays, so that what is left behind by
 * one is met by the next; the others in a fresh one, where older kernels' ways may do harm.
 */
export class WireFuzz {
  readonly counts: WireCounts = {
    messages: 0,
    lives: 0,
    rounds: 0,
    goodTurns: 0,
    outcomes: new Map(),
  }
  readonly #seed: number
  /** What a client may speak, the likelier ones more than once. */
  readonly #protocols: readonly Protocol[]
  #lasting: Stage | undefined

  constructor(seed: number, protocols: readonly Protocol[] = ['json', 'json', 'bin']) {
    this.#seed = seed
    this.#protocols = protocols
  }

  /** Plays the next round; the failure, if it fails. */
  async round(): Promise<Failure | undefined> {
    const { counts } = this
    counts.rounds++
    const random = prng(this.#seed + counts.rounds * 7_919)
    this.#lasting ??= await newStage('spec')
    const stage = oneIn(random, 2) ? this.#lasting : await newStage(pick(random, PROFILES))
    const lives: Life[] = []
    try {
      for (let n = 0; n < livesPerRound; n++) {
        const life: Life = { protocol: pick(random, this.#protocols), sent: [] }
        lives.push(life)
        this.#live(stage, life, random)
      }
      await this.#tidy(stage)
      return undefined
    } catch (error) {
      this.#lasting = undefined
      return { profile: stage.profile, lives, error }
    }
  }

  #live({ world, good }: Stage, { protocol, sent }: Life, random: ReturnType<typeof prng>): void {
    const { counts } = this
    const client = new HostileClient(world, protocol)
    const hostility = new Hostility(protocol, random)
    counts.lives++
    for (let n = 0; n < messagesPerLife && !client.isOver; n++) {
      const isAgain = client.model.hasSession && oneIn(random, againEvery)
      const data = isAgain ? again(random) : hostility.next(client.model)
      sent.push(data)
      client.send(data)
      counts.messages++
      if (counts.messages % goodEvery === 0) {
        good.turn()
        counts.goodTurns++
      }
    }
    client.end()
    world.pass()
    for (const [what, times] of client.model.counts)
      counts.outcomes.set(what, (counts.outcomes.get(what) ?? 0) + times)
    if (client.isOver) counts.outcomes.set('closed', (counts.outcomes.get('closed') ?? 0) + 1)
  }

  async #tidy({ world, good }: Stage): Promise<void> {
    await world.tidy(GOOD_LPID)
    good.turn()
    if (world !== this.#lasting?.world) good.end()
  }
}

/** Plays a story again in a fresh world; what goes wrong, or undefined. */
export async function replay(profile: HvProfileName, lives: readonly Life[]): Promise<unknown> {
  const { world, good } = await newStage(profile)
  try {
    for (const { protocol, sent } of lives) {
      const client = new HostileClient(world, protocol)
      for (const data of sent) {
        if (client.isOver) break
        client.send(data)
        good.turn()
      }
      client.end()
      world.pass()
    }
    await world.tidy(GOOD_LPID)
    good.turn()
    return undefined
  } catch (error) {
    return error
  } finally {
    good.end()
  }
}
