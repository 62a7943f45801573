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
  readonly sent: readonly (Data | Again)[]
  /** What came of each of them, as it came. */
  readonly heard?: readonly (readonly Data[])[]
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

/** A client whose life is written down. */
class Lived implements Life {
  readonly protocol: Protocol
  readonly sent: (Data | Again)[] = []
  readonly heard: Data[][] = []
  readonly client: HostileClient

  constructor(world: WireWorld, protocol: Protocol) {
    this.protocol = protocol
    this.client = new HostileClient(world, protocol, (data) => this.heard.at(-1)?.push(data))
  }

  send(data: Data | Again): void {
    this.sent.push(data)
    this.heard.push([])
    this.client.send(data)
  }
}

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
        const life = new Lived(stage.world, pick(random, this.#protocols))
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

  #live({ world, good }: Stage, life: Lived, random: ReturnType<typeof prng>): void {
    const { counts } = this
    const { client } = life
    const hostility = new Hostility(life.protocol, random)
    counts.lives++
    for (let n = 0; n < messagesPerLife && !client.isOver; n++) {
      const isAgain = client.model.hasSession && oneIn(random, againEvery)
      life.send(isAgain ? again(random) : hostility.next(client.model))
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

/**
 * Plays a story again in a fresh world; what goes wrong, or undefined. `played` is given the lives as
 * they were this time, with what each client heard.
 */
export async function replay(
  profile: HvProfileName,
  lives: readonly Life[],
  played: Life[] = [],
): Promise<unknown> {
  const { world, good } = await newStage(profile)
  try {
    for (const { protocol, sent } of lives) {
      const life = new Lived(world, protocol)
      played.push(life)
      for (const data of sent) {
        if (life.client.isOver) break
        life.send(data)
        good.turn()
      }
      life.client.end()
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
