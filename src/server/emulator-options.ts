/** What an emulator inside another program is made with: checked, because callers may be JavaScript. */
import { z } from 'zod'
import { devicePfnsMax } from '../uvmem/device-pages.ts'
import { HV_PROFILE_NAMES, type HvProfileName } from '../uvmem/profile.ts'
import { highestOf, lowestOf, SETTABLE_LIMITS, type SettableLimit } from './limit-ranges.ts'

const PROFILES = HV_PROFILE_NAMES as readonly [HvProfileName, ...HvProfileName[]]

const limits = Object.fromEntries(
  SETTABLE_LIMITS.map((name) => [
    name,
    z.int().min(lowestOf(name)).max(highestOf(name)).optional(),
  ]),
) as Record<SettableLimit, z.ZodOptional<z.ZodInt>>

const Options = z.strictObject({
  profile: z.enum(PROFILES).default('linux-6'),
  poolPages: z.int().min(0).max(devicePfnsMax).default(524_288),
  autoCreateVms: z.boolean().default(true),
  notifiesMigrations: z.boolean().default(false),
  orphans: z.enum(['keep', 'reset']).default('keep'),
  window: z.int().min(1).max(65_536).default(256),
  port: z.int().min(0).max(65_535).default(0),
  token: z.string().min(1).optional(),
  limits: z.strictObject(limits).default({}),
})
export type CheckedOptions = z.output<typeof Options>

/** Every member may be left out. */
export interface EmulatorOptions {
  /** Whose behaviour to show; default `linux-6`. */
  readonly profile?: HvProfileName
  /** Secure memory in pages of 64 KiB; default 524,288 (32 GiB). 0 is a host without ultravisor. */
  readonly poolPages?: number
  /** Make an empty VM at the first call for it; default true. */
  readonly autoCreateVms?: boolean
  /** Send UV_PAGE_INVAL for every migration after H_SVM_INIT_DONE; default false. */
  readonly notifiesMigrations?: boolean
  /** What becomes of VMs whose ultravisor is gone; default `keep`. */
  readonly orphans?: 'keep' | 'reset'
  /** Page moves of one VM that may be under way at once: 1 to 65,536, default 256. */
  readonly window?: number
  /** Port on 127.0.0.1; default 0: any free one. */
  readonly port?: number
  /** Bearer token that every client has to show; default: none is needed. */
  readonly token?: string
  /** Other values for limits; schemas/README.md says what each is. */
  readonly limits?: { readonly [Name in SettableLimit]?: number }
}

/** Throws a TypeError that names each member that does not fit. */
export function checkOptions(options: EmulatorOptions): CheckedOptions {
  const read = Options.safeParse(options)
  if (read.success) return read.data
  const faults = read.error.issues.map(({ path, message }) => {
    return path.length === 0 ? message : `${path.join('.')}: ${message}`
  })
  throw new TypeError(`createEmulator: ${faults.join('; ')}`)
}
