/** What the options of a server say about its hypervisor. */
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import type { HvConfig } from '../hv/config.ts'
import type { ServerOptions } from './hv-options.ts'

/** `autoCreate`: what an option that was not given means. */
export function hvConfig(options: ServerOptions, autoCreate: boolean): HvConfig {
  const limits: Limits = {
    ...LIMITS,
    ...pick(options, Object.keys(LIMITS)),
    sessionGraceMs: options.sessionGrace,
  }
  return {
    profile: options.profile,
    poolPages: options.pool,
    autoCreateVms: options.autoCreate ?? autoCreate,
    notifiesMigrations: options.notifyMigrations,
    orphans: options.orphans,
    window: options.window,
    limits,
  }
}

const pick = (options: ServerOptions, names: readonly string[]): Partial<Limits> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => names.includes(name)))
