/**
 * An emulator inside another program, for its tests: a server on a free port of this machine, with
 * clients for both of its sides.
 *
 * ```ts
 * await using emulator = await createEmulator({ profile: 'linux-6' })
 * const client = await emulator.connect()
 * const { vms } = await emulator.rest.call('listVms')
 * ```
 */
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import type { HvConfig } from '../hv/config.ts'
import { HvRest } from '../peer/hv-rest.ts'
import { type ConnectOptions, connectUv, type UvClient } from '../peer/uv-client.ts'
import { type App, buildApp } from './app.ts'
import { type CheckedOptions, checkOptions, type EmulatorOptions } from './emulator-options.ts'
import { listen } from './listen.ts'

/** Other programs on this machine may reach it, other machines may not. */
const HOST = '127.0.0.1'

/** A server that runs until `close` is called, or `await using` ends its block. */
export interface Emulator extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`: REST, and what `uvmem uv --url` takes. */
  readonly url: string
  /** `ws://127.0.0.1:PORT/v1/uv`: where ultravisors connect. */
  readonly uvUrl: string
  /** A client of the REST API; it shows the token, if there is one. */
  readonly rest: HvRest
  /**
   * Connects an ultravisor and opens its session; `close` ends it. Rejects with ConnectError when
   * there is no connection, with UvCallError when the session is refused.
   */
  connect(options?: Omit<ConnectOptions, 'url' | 'token'>): Promise<UvClient>
  /** Ends everything within a second or two, whatever clients do. May be called again. */
  close(): Promise<void>
}

/**
 * Starts an emulator; any number may run at once. Rejects with a TypeError for options that do not
 * fit, and with the system's error when the port cannot be had.
 */
export async function startEmulator(options: EmulatorOptions, version: string): Promise<Emulator> {
  const checked = checkOptions(options)
  const app = buildApp({
    hv: configOf(checked),
    guard: { token: checked.token, host: HOST, allowedOrigins: [] },
    version,
  })
  try {
    const { url, uv } = await listen(app, HOST, checked.port)
    return emulatorOf(app, url, uv, checked.token)
  } catch (error) {
    await app.close()
    throw error
  }
}

/** Limits that are set to `undefined` keep their defaults. */
function configOf(options: CheckedOptions): HvConfig {
  const { profile, poolPages, autoCreateVms, notifiesMigrations, orphans, window } = options
  const given = Object.entries(options.limits).filter(([, max]) => max !== undefined)
  const limits: Limits = { ...LIMITS, ...Object.fromEntries(given) }
  return { profile, poolPages, autoCreateVms, notifiesMigrations, orphans, window, limits }
}

function emulatorOf(app: App, url: string, uvUrl: string, token: string | undefined): Emulator {
  const clients = new Set<UvClient>()
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    for (const client of clients) client.close()
    closed ??= app.close()
    return closed
  }
  return {
    url,
    uvUrl,
    rest: new HvRest({ url, token }),
    connect: (options = {}) => connectTo({ ...options, url: uvUrl, token }, clients),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Connects and opens the session. A client is in `clients` as long as its connection is there. */
async function connectTo(options: ConnectOptions, clients: Set<UvClient>): Promise<UvClient> {
  let client: UvClient | undefined
  client = await connectUv({
    ...options,
    ended: (ending) => {
      if (client !== undefined) clients.delete(client)
      options.ended?.(ending)
    },
  })
  clients.add(client)
  try {
    await client.open()
    return client
  } catch (error) {
    client.close()
    clients.delete(client)
    throw error
  }
}
