/**
 * A run: guests with secrets at a hypervisor in a process of its own, everything that this process can
 * see searched for them, and a leak planted in each place to show that it would have been found.
 */
import { createReadStream, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LIMITS } from '../../schemas/limits.ts'
import { streamPauseMs } from '../../schemas/rest/journal.ts'
import { asLpid } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { HvRest } from '../../src/peer/hv-rest.ts'
import { connectUv, type UvClient } from '../../src/peer/uv-client.ts'
import { buildApp } from '../../src/server/app.ts'
import { GUEST_PAGES, type GuestWish, SecretGuest } from './guest.ts'
import { type HvChild, startHv } from './hv-child.ts'
import { bytesAt, follow, pathsOfLooks } from './looks.ts'
import { MARK_KINDS, Marks } from './marks.ts'
import { Place } from './place.ts'
import { readMemory } from './process-memory.ts'

export interface SecrecyWish {
  /** Pages that move in or out, at least. */
  readonly moves: number
  readonly seed: number
  /** Of a hundred rounds, how many are of guests whose pages are bytes: they cost most. */
  readonly bytesPercent: number
  /** How often everything is searched, the last time with the planted leaks in it: 1 and more. */
  readonly looks: number
  readonly tell?: (line: string) => void
}

export interface PlaceReport {
  readonly place: string
  readonly bytes: number
  /** Secrets found: none is right. */
  readonly secrets: number
  readonly forms: readonly string[]
  /** Whether the leak that was planted there was found. */
  readonly planted: boolean
}

export interface SecrecyReport {
  readonly moves: number
  readonly seed: number
  readonly places: readonly PlaceReport[]
}

/** Names of the places, in the order of the report. */
export const PLACES = [
  ...(['wire, up', 'wire, down', 'log', 'journal', 'journal stream', 'metrics', 'REST'] as const),
  ...(['pages that the host reads', 'host snapshot', 'VM snapshot', 'state files'] as const),
  ...(['record', 'heap snapshot', 'process memory'] as const),
] as const
export type PlaceName = (typeof PLACES)[number]

const WISHES: readonly GuestWish[] = [
  { lpid: asLpid(1), protocol: 'bin', content: 'bytes', profile: 'firmware' },
  { lpid: asLpid(2), protocol: 'json', content: 'bytes', profile: 'spec' },
  { lpid: asLpid(3), protocol: 'bin', content: 'tag', profile: 'spec' },
  { lpid: asLpid(4), protocol: 'json', content: 'tag', profile: 'firmware' },
]
const LPIDS = WISHES.map(({ lpid }) => lpid)
const HV = {
  ...({
    profile: 'linux-6',
    poolPages: 1,
    autoCreateVms: false,
    notifiesMigrations: false,
  } as const),
  ...({ orphans: 'keep', window: 1, limits: LIMITS } as const),
}
const GUARD = { token: undefined, host: '127.0.0.1', allowedOrigins: [] }

/** A machine that stands still for a while, with all that runs on it, is no secret's business. */
const PATIENT = { headersMsMax: 3_600_000, handshakeMsMax: 3_600_000, pongWaitMsMax: 3_600_000 }

export async function runSecrecy(wish: SecrecyWish): Promise<SecrecyReport> {
  const dir = mkdtempSync(join(tmpdir(), 'uvmem-secrecy-'))
  const run = new SecrecyRun(wish, dir)
  try {
    return await run.play()
  } finally {
    run.close()
    rmSync(dir, { recursive: true })
  }
}

class SecrecyRun {
  readonly #wish: SecrecyWish
  readonly #dir: string
  readonly #marks: Marks
  readonly #places: ReadonlyMap<PlaceName, Place>
  readonly #stop = new AbortController()
  #hv: HvChild | undefined
  readonly #guests: SecretGuest[] = []
  /** Its name is a leak that was planted. */
  #namesake: UvClient | undefined
  #streams: Promise<void> = Promise.resolve()

  constructor(wish: SecrecyWish, dir: string) {
    this.#wish = wish
    this.#dir = dir
    this.#marks = new Marks(wish.seed)
    const needles = this.#marks.needles(MARK_KINDS)
    const wide = this.#marks.needles(MARK_KINDS, true)
    this.#places = new Map(
      PLACES.map((name) => {
        const isMemory = name === 'process memory' || name === 'heap snapshot'
        return [name, new Place(name, isMemory ? wide : needles)]
      }),
    )
  }

  async play(): Promise<SecrecyReport> {
    const { moves, seed, looks, tell } = this.#wish
    await this.#start()
    for (let look = 1; look < looks; look++) {
      await this.#move((moves * look) / looks)
      await this.#lookAround()
      await this.#searchProcess()
      tell?.(`${this.#moves} moves, ${this.#hits()} secrets found`)
    }
    await this.#move(moves)
    const made = this.#moves
    await this.#streamRead()
    await this.#plant()
    await this.#lookAround()
    await this.#searchProcess()
    await this.#end()
    const places = PLACES.map((name): PlaceReport => {
      const place = this.#at(name)
      const planted = place.found('planted') > 0
      const secrets = place.found('secret')
      return { place: name, bytes: place.bytes, secrets, forms: place.forms('secret'), planted }
    })
    return { moves: made, seed, places }
  }

  close(): void {
    this.#stop.abort()
    this.#hv?.kill()
  }

  get #moves(): number {
    return this.#guests.reduce((sum, guest) => sum + guest.moves, 0)
  }

  get #child(): HvChild {
    if (this.#hv === undefined) throw new Error('it has not begun')
    return this.#hv
  }

  #at(name: PlaceName): Place {
    const place = this.#places.get(name)
    if (place === undefined) throw new Error(name)
    return place
  }

  #hits(): number {
    return PLACES.reduce((sum, name) => sum + this.#at(name).found('secret'), 0)
  }

  async #start(): Promise<void> {
    const options = {
      logLevel: 'trace',
      logCalls: true,
      metricsPerVm: true,
      stateDir: join(this.#dir, 'state'),
      durable: true,
      record: join(this.#dir, 'record.ndjson'),
      pool: 4 * GUEST_PAGES * LPIDS.length,
      ...PATIENT,
    }
    this.#hv = await startHv(options, this.#at('log').stream())
    const { url, uv } = this.#hv
    const ports = {
      ...{ uv, rest: new HvRest({ url }), marks: this.#marks, random: prng(this.#wish.seed) },
      ...{ up: this.#at('wire, up'), down: this.#at('wire, down') },
    }
    const stream = this.#at('journal stream').stream()
    this.#streams = follow(url, '/v1/journal/stream', stream, this.#stop.signal)
    for (const each of WISHES) this.#guests.push(await SecretGuest.start(each, ports))
  }

  /** Goes on until so many pages have moved. */
  async #move(moves: number): Promise<void> {
    const random = prng(this.#wish.seed + this.#moves)
    while (this.#moves < moves) {
      const ofBytes = random.int(100) < this.#wish.bytesPercent
      const guests = this.#guests.filter(
        (_, at) => WISHES[at]?.content === (ofBytes ? 'bytes' : 'tag'),
      )
      await Promise.all(guests.map((guest) => play(guest, random.int(100))))
    }
  }

  async #lookAround(): Promise<void> {
    const { url } = this.#child
    const guest = this.#guests[0] as SecretGuest
    for (const path of pathsOfLooks(LPIDS, guest.frame)) {
      this.#at(path === '/metrics' ? 'metrics' : 'REST').look(await bytesAt(url, path))
    }
    this.#at('metrics').look(await bytesAt(url, '/metrics'))
    this.#at('journal').look(await bytesAt(url, '/v1/journal?limit=10000'))
    this.#at('host snapshot').look(await bytesAt(url, '/v1/snapshot'))
    const pages = this.#at('pages that the host reads')
    for (const lpid of LPIDS) {
      this.#at('VM snapshot').look(await bytesAt(url, `/v1/vms/${lpid}/snapshot`))
      const length = GUEST_PAGES * 65_536
      pages.look(await bytesAt(url, `/v1/vms/${lpid}/memory?gpa=0&length=${length}`))
      pages.look(await bytesAt(url, `/v1/vms/${lpid}/pages/${guest.frame}`))
    }
    await this.#searchState()
    await new HvRest({ url }).call('saveCheckpoint', { path: { name: 'looked-at' } })
  }

  /** What is on the disk: the ledger as it grows, at the end the state that it becomes. */
  async #searchState(): Promise<void> {
    const found = readdirSync(join(this.#dir, 'state'), { recursive: true, withFileTypes: true })
    for (const entry of found) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile()) await searchFile(this.#at('state files'), path)
    }
  }

  async #searchProcess(): Promise<void> {
    const path = join(this.#dir, 'hv.heapsnapshot')
    await this.#child.obey({ do: 'heap', path })
    await searchFile(this.#at('heap snapshot'), path)
    rmSync(path)
    readMemory(this.#child.pid, () => this.#at('process memory').stream())
  }

  /** The stream leaves out what does not fit, which a leak that is planted behind a rush may be. */
  async #streamRead(): Promise<void> {
    const place = this.#at('journal stream')
    for (let bytes = -1; bytes < place.bytes; ) {
      bytes = place.bytes
      await new Promise((resolve) => setTimeout(resolve, 5 * streamPauseMs))
    }
  }

  /** A leak for every place: a page that a guest shares by mistake, a text that is kept. */
  async #plant(): Promise<void> {
    for (const guest of this.#guests) await guest.expose(guest.frame, 'planted')
    const text = this.#marks.prefix('planted').toString('hex')
    await this.#child.obey({ do: 'keep', text })
    const client = await connectUv({ url: this.#child.uv, name: text })
    await client.open()
    this.#namesake = client
    // The one text of anybody's in the metrics is the version of the program.
    const app = buildApp({ hv: HV, guard: GUARD, version: text })
    const { payload } = await app.http.inject({ url: '/metrics', headers: { host: 'localhost' } })
    this.#at('metrics').look(payload)
    await app.close()
  }

  async #end(): Promise<void> {
    // Whoever is left without a word looks for the server for half a minute.
    for (const { client } of this.#guests) client.close()
    this.#namesake?.close()
    this.#stop.abort()
    await this.#streams
    await this.#child.end()
    await this.#searchState()
    await searchFile(this.#at('record'), join(this.#dir, 'record.ndjson'))
  }
}

function play(guest: SecretGuest, draw: number): Promise<void> {
  if (draw < 80) return guest.churn()
  if (draw < 92) return guest.share()
  return draw < 99 ? guest.touch() : guest.reboot()
}

async function searchFile(place: Place, path: string): Promise<void> {
  const take = place.stream()
  for await (const piece of createReadStream(path, { highWaterMark: 4_194_304 })) {
    take(piece as Uint8Array)
  }
}
