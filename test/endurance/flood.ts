/**
 * More than a server can do: three times what it did when its clients waited for answers. Whatever it
 * holds stays within named limits, every call is answered or refused by its name, and afterwards it is as
 * quick as a server that was spared. Clients that hold back what is too much get as much done as ever;
 * those that send it all the same have their answers to nested calls behind it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { LIMITS } from '../../schemas/limits.ts'
import { type Caller, HastyCaller, PacedCaller } from './callers.ts'
import { type Held, ServerProcess } from './server-process.ts'
import { medianOf } from './soak.ts'

export interface FloodWish {
  readonly clients: number
  /** Seconds of each part: measuring what it can, and the flood. */
  readonly seconds: number
  /** The clients hold back what is too much. */
  readonly isPaced: boolean
  readonly tell?: (line: string) => void
}

export interface FloodResult {
  /** Calls a second when clients wait for answers, and what was asked for in the flood. */
  readonly capacity: number
  readonly offered: number
  /** Of the capacity: pages that moved each second of the flood; the median of its turns. */
  readonly goodput: number
  /** In the best turn: it says more where other work comes and goes. */
  readonly goodputBest: number
  readonly sent: number
  readonly answered: number
  /** Answered with success: pages that moved. */
  readonly moved: number
  /** Refused with TOO_MANY_CALLS. */
  readonly refused: number
  /** Asked of a client that would not take it. */
  readonly heldBack: number
  /** The most that was seen during the flood. */
  readonly most: Most
  readonly rssBefore: number
  /** Microseconds of one call alone afterwards, and of a server that was spared: medians. */
  readonly alone: { readonly spared: number; readonly after: number }
  readonly wrong: readonly string[]
}

/** How many times what it can. */
const OVERLOAD = 3
/** Bytes that the server may take more than before: what the limits of the wire allow its clients. */
export const rssGrowthBytesMax = 268_435_456
/** A call alone may take so many times what it takes a server that was spared. */
export const slowdownMax = 2
/** Milliseconds after which it must be as quick. */
const recoverMsMax = 10_000
const triesMin = 10
const triesPauseMs = 50
/** A page-out whose page-in was refused fails, too; but most calls are work. */
const failuresMax = 1
/** Calls that a client has open while the capacity is measured. */
const window = 32
const tickMs = 5
const warmUpSeconds = 0.5
/** Of clients that hold back: calls that wait are few, and are soon as many as there will ever be. */
const turnsPaced = 7
/** Milliseconds that the server has to answer what is still open. */
const drainMsMax = 60_000
/** Of the capacity: what clients that hold back get done under three times as much. */
export const goodputMin = 0.7

/** Calls a second of clients that wait for answers. */
async function measure(callers: readonly Caller[], seconds: number): Promise<number> {
  const began = performance.now()
  const end = began + seconds * 1_000
  let done = 0
  const loop = async (caller: Caller): Promise<void> => {
    for (; performance.now() < end; done++) await caller.move()
  }
  await Promise.all(callers.flatMap((each) => Array.from({ length: window }, () => loop(each))))
  return (done * 1_000) / (performance.now() - began)
}

/** The median of calls one after the other, in microseconds. */
async function medianAlone(caller: Caller): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < 100; n++) {
    const began = performance.now()
    await caller.move()
    times.push((performance.now() - began) * 1_000)
  }
  return medianOf(times)
}

/**
 * Of two servers by turns, so that what else the machine does counts for both alike: the best of some
 * tries, and of as many more as `recoverMsMax` allows while the flooded one is too slow.
 */
async function alone(spared: Caller, flooded: Caller): Promise<FloodResult['alone']> {
  const best = { spared: Number.POSITIVE_INFINITY, after: Number.POSITIVE_INFINITY }
  const late = performance.now() + recoverMsMax
  for (let tries = 0; ; tries++) {
    best.spared = Math.min(best.spared, await medianAlone(spared))
    best.after = Math.min(best.after, await medianAlone(flooded))
    const isQuick = best.after <= slowdownMax * best.spared
    if (tries >= triesMin && (isQuick || performance.now() > late)) break
    // Whether both sides are awake, or are woken for each call, changes from one moment to the next.
    await sleep(triesPauseMs)
  }
  return { spared: Math.round(best.spared), after: Math.round(best.after) }
}

type Most = Pick<Held, 'rss' | 'queueLongest' | 'sendBufferLongest'>

/** Looks at a server until it is told that it is enough; the most that was seen. */
function watchMost(server: ServerProcess): () => Promise<Most> {
  const most = { rss: 0, queueLongest: 0, sendBufferLongest: 0 }
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      const held = await server.look('quick')
      for (const name of ['rss', 'queueLongest', 'sendBufferLongest'] as const) {
        most[name] = Math.max(most[name], held[name])
      }
      await sleep(50)
    }
  })()
  return async () => {
    isOver = true
    await watching
    return most
  }
}

/** Asks for so many calls a second, whatever becomes of them; @returns pages moved a second. */
async function overload(
  callers: readonly Caller[],
  perS: number,
  seconds: number,
): Promise<number> {
  const before = countsOf(callers).moved
  const began = performance.now()
  let asked = 0
  let passed = 0
  for (; passed < seconds * 1_000; passed = performance.now() - began) {
    for (const due = (perS * passed) / 1_000; asked < due; asked++) {
      void callers[asked % callers.length]?.move()
    }
    await sleep(tickMs)
  }
  return ((countsOf(callers).moved - before) * 1_000) / passed
}

async function drain(callers: readonly Caller[]): Promise<void> {
  const late = performance.now() + drainMsMax
  while (callers.some(({ openCalls }) => openCalls > 0)) {
    if (performance.now() > late) return
    await sleep(20)
  }
}

type Count = 'sent' | 'answered' | 'moved' | 'refused' | 'heldBack'

export function flood(wish: FloodWish): Promise<FloodResult> {
  return withServer((server) => withServer((beside) => floodOf(server, beside, wish)))
}

async function withServer<T>(use: (server: ServerProcess) => Promise<T>): Promise<T> {
  const server = await ServerProcess.start()
  try {
    return await use(server)
  } finally {
    server.kill()
  }
}

/** Floods one of them. */
async function floodOf(
  server: ServerProcess,
  beside: ServerProcess,
  wish: FloodWish,
): Promise<FloodResult> {
  const { clients, isPaced } = wish
  const open = isPaced ? PacedCaller.open : HastyCaller.open
  const lpids = Array.from({ length: clients }, (_, i) => i + 1)
  const callers = await Promise.all(lpids.map((lpid) => open(server.address.uv, lpid)))
  const spared = await open(beside.address.uv, 1)
  const result = await run(server, callers, spared, wish)
  const all = [...callers, spared]
  for (const caller of all) caller.close()
  const wrong = all.flatMap((caller) => caller.wrong)
  return { ...result, wrong: [...wrong, ...brokenIn(result, isPaced)] }
}

/** Both parts by turns, so that what else the machine does counts for both alike. */
async function run(
  server: ServerProcess,
  callers: readonly Caller[],
  spared: Caller,
  { seconds, isPaced, tell }: FloodWish,
): Promise<FloodResult> {
  const [first] = callers
  if (first === undefined) throw new Error('no clients')
  const turns = isPaced ? turnsPaced : 1
  await measure(callers, warmUpSeconds)
  const { rss: rssBefore } = await server.look('all')
  let [capacity, movedPerS] = [0, 0]
  const ratios: number[] = []
  const seen = watchMost(server)
  for (let turn = 0; turn < turns; turn++) {
    const can = await measure(callers, seconds / turns)
    capacity += can / turns
    const done = await overload(callers, can * OVERLOAD, seconds / turns)
    movedPerS += done / turns
    ratios.push(done / can)
    await drain(callers)
  }
  const most = await seen()
  // Spared it is, but not new: its code is compiled.
  await measure([spared], seconds)
  const [offered, goodput] = [capacity * OVERLOAD, medianOf(ratios)]
  const goodputBest = Math.max(...ratios)
  tell?.(
    `${Math.round(capacity)} calls a second, then ${Math.round(offered)}: ${Math.round(movedPerS)} done`,
  )
  const counts = countsOf(callers)
  const wrong: readonly string[] = []
  return {
    ...{ capacity, offered, goodput, goodputBest, ...counts, most, rssBefore },
    ...{ alone: await alone(spared, first), wrong },
  }
}

function countsOf(callers: readonly Caller[]): Readonly<Record<Count, number>> {
  const sum = (name: Count): number => callers.reduce((all, caller) => all + caller[name], 0)
  return {
    ...{ sent: sum('sent'), answered: sum('answered'), moved: sum('moved') },
    ...{ refused: sum('refused'), heldBack: sum('heldBack') },
  }
}

/** Which bounds did not hold. */
function brokenIn(result: FloodResult, isPaced: boolean): string[] {
  const { sent, answered, moved, refused, most, rssBefore, alone } = result
  const bounds: readonly (readonly [what: string, value: number, max: number])[] = [
    ['calls without an answer', sent - answered - refused, 0],
    ['answers that are no success, for one that is', (answered - moved) / moved, failuresMax],
    ['operations of one VM (callsInFlightMax)', most.queueLongest, LIMITS.callsInFlightMax],
    ['bytes to be sent (sendBufferBytesMax)', most.sendBufferLongest, LIMITS.sendBufferBytesMax],
    ['bytes more of memory (rssGrowthBytesMax)', most.rss - rssBefore, rssGrowthBytesMax],
    ['times as slow afterwards (slowdownMax)', alone.after / alone.spared, slowdownMax],
  ]
  const broken = bounds
    .filter(([, value, max]) => value > max)
    .map(([what, value, max]) => `${what}: ${value}, ${max} at most`)
  if (isPaced && refused > 0) broken.push(`${refused} calls refused to who held back`)
  return broken
}
