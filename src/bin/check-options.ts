/** The options of `uvmem check`. */
import { z } from 'zod'
import { CHECK_LIMITS, CHECK_WORLDS, worldNamed } from '../lab/check/check-world.ts'
import { HV_CHOICES, UV_CHOICES } from './choices.ts'
import { flag, integer, oneOf, option, text } from './option.ts'

const WORLDS = CHECK_WORLDS.map(({ name }) => name) as [string, ...string[]]

/** A number that takes the place of the world's own. */
const instead = (min: number, max: number, what: string, help: string) =>
  option(integer(min, max, what).optional(), `${help} (instead of the world's)`, {
    value: 'number',
    own: true,
    group: 'World:',
  })

export const CheckOptions = z.strictObject({
  profile: option(
    oneOf(HV_CHOICES, 'a profile').default('spec'),
    `hypervisor: ${HV_CHOICES.join(', ')}`,
    {
      value: 'name',
      own: true,
      shownDefault: 'spec',
    },
  ),
  uv: option(
    oneOf(UV_CHOICES, 'a profile').default('spec'),
    `ultravisor: ${UV_CHOICES.join(', ')}`,
    {
      value: 'name',
      shownDefault: 'spec',
    },
  ),
  strategy: option(
    oneOf(['necessary', 'all'], 'a strategy').default('necessary'),
    'what UV_ESM pages in: necessary or all',
    { value: 'name', shownDefault: 'necessary' },
  ),
  world: option(oneOf(WORLDS, 'a world').default('default'), `one of ${WORLDS.join(', ')}`, {
    value: 'name',
    shownDefault: 'default',
    group: 'World:',
  }),
  vms: instead(1, CHECK_LIMITS.vmsMax, 'VMs', 'virtual machines'),
  frames: instead(1, CHECK_LIMITS.framesMax, 'frames', 'frames of slot 0'),
  hotFrames: instead(0, CHECK_LIMITS.hotFramesMax, 'frames', 'frames of the hot-added slot'),
  pool: instead(1, CHECK_LIMITS.poolMax, 'device pages', 'device PFNs'),
  cpus: instead(1, CHECK_LIMITS.cpusMax, 'CPUs', 'CPUs of each guest'),
  statesMax: option(
    integer(1, 500_000_000, 'states').default(100_000_000),
    'states that are looked at, at most',
    { value: 'number', shownDefault: '100000000' },
  ),
  memory: option(
    integer(64, 1_000_000, 'megabytes').default(8_000),
    'memory for the states seen, in megabytes',
    { value: 'MB', shownDefault: '8000', own: true },
  ),
  findings: option(integer(1, 1_000, 'findings').default(1), 'different findings to look for', {
    value: 'number',
    shownDefault: '1',
  }),
  trace: option(
    text('a path').optional(),
    'write the first finding as a recording, for uvmem replay',
    { value: 'file' },
  ),
  json: option(flag('json').default(false), 'print one JSON object', { kind: 'flag' }),
})
export type CheckOptions = z.output<typeof CheckOptions>

/** The world that the options ask for. */
export function worldOf(options: CheckOptions) {
  const world = worldNamed(options.world) ?? CHECK_WORLDS[0]
  const { vms, frames, hotFrames, pool, cpus } = options
  const given = Object.fromEntries(
    Object.entries({ vms, frames, hotFrames, pool, cpus }).filter(
      ([, value]) => value !== undefined,
    ),
  )
  return world === undefined ? undefined : { ...world, ...given }
}
