/** Plays a story twice, with the defect and with it mended, and tells both in one text. */
import { UV_PROFILES, type UvProfile } from '../../src/ultravisor/profile.ts'
import { HV_PROFILES, type HvProfile, type HvProfileName } from '../../src/uvmem/profile.ts'
import type { Defect } from './defect.ts'
import { type Profiles, Stage } from './stage.ts'

/** The hypervisor's profile that a story is played under. */
export const playedUnder = (profiles: readonly HvProfileName[]): HvProfileName =>
  profiles.at(-1) ?? 'linux-6'

/** The other side behaves as documented. */
export function realProfiles(defect: Defect): Profiles {
  if (defect.side === 'uv') return { hv: HV_PROFILES.spec, uv: UV_PROFILES.firmware }
  return { hv: HV_PROFILES[playedUnder(defect.profiles)], uv: UV_PROFILES.spec }
}

export function mendedProfiles(defect: Defect): Profiles {
  const { hv, uv } = realProfiles(defect)
  if (defect.side === 'uv') {
    return { hv, uv: { ...uv, ...pick<UvProfile>(UV_PROFILES.spec, defect.mendedBy) } }
  }
  return { hv: { ...hv, ...pick<HvProfile>(HV_PROFILES.spec, defect.mendedBy) }, uv }
}

function pick<T extends object>(from: T, names: readonly (keyof T)[]): Partial<T> {
  const picked: Partial<T> = {}
  for (const name of names) picked[name] = from[name]
  return picked
}

/** What is done in a story: its lines without what is seen. */
export const deedsOf = (story: string): string[] =>
  story
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[=+-] /.test(line))

/** The story as lines: each deed, and below it what both runs show (`=`) or only one (`-`, `+`). */
export function tellStory(defect: Defect): string[] {
  const real = new Stage(realProfiles(defect), defect.world)
  const mended = new Stage(mendedProfiles(defect), defect.world)
  return deedsOf(defect.story).flatMap((deed) => [
    deed,
    ...merge(real.play(deed), mended.play(deed)),
  ])
}

/** The first line of each is what the deed came to, and comes first. */
function merge(real: readonly string[], mended: readonly string[]): string[] {
  const both = real.filter((line, i) => (i === 0 ? line === mended[0] : mended.includes(line)))
  const only = (mine: readonly string[], mark: string): string[] =>
    mine.filter((line) => !both.includes(line)).map((line) => `  ${mark} ${line}`)
  return [...both.map((line) => `  = ${line}`), ...only(real, '-'), ...only(mended, '+')]
}

/** A story as it stands in the catalogue, in the shape of `tellStory`. */
export const linesOf = (story: string): string[] =>
  story
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => (/^[=+-] /.test(line) ? `  ${line}` : line))
