/** Every known defect is seen under the real profile, and is not seen where it is mended. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { UV_PROFILES, type UvProfile } from '../../src/ultravisor/profile.ts'
import { HV_PROFILE_NAMES, HV_PROFILES, type HvProfile } from '../../src/uvmem/profile.ts'
import { DEFECTS, UNREPEATED } from './catalogue.ts'
import type { HvDefect } from './defect.ts'
import { linesOf, mendedProfiles, realProfiles, tellStory } from './play.ts'
import {
  BEGIN,
  betweenMarkers,
  END,
  listAll,
  tellMarkdown,
  tellOne,
  withFreshTables,
} from './tell.ts'

const ROOT = process.cwd()
const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
/** Versions of the real code; `spec` and the counter-proposal `stateless` are none. */
const REAL = HV_PROFILE_NAMES.filter((name) => name !== 'spec' && name !== 'stateless')

for (const defect of DEFECTS) {
  t.test(`${defect.id} is seen, and not where it is mended`, async (t) => {
    const told = tellStory(defect)
    t.same(told, linesOf(defect.story), 'the story is told as it was written by hand')
    const differing = told.filter((line) => /^ {2}[-+] /.test(line))
    t.ok(differing.length > 0, 'the two runs differ')
  })
}

t.test('the second run has nothing mended but what the entry names', async (t) => {
  for (const defect of DEFECTS) {
    const [real, mended] = [realProfiles(defect), mendedProfiles(defect)]
    const other = defect.side === 'hv' ? 'uv' : 'hv'
    t.same(mended[other], real[other], `${defect.id}: the other side`)
    const names = Object.keys(mended[defect.side]).filter((name) => {
      const key = name as never
      return mended[defect.side][key] !== real[defect.side][key]
    })
    t.same(names.sort(), [...defect.mendedBy].sort(), `${defect.id}: its own side`)
  }
})

t.test('every switch in which a real profile differs from spec has an entry', async (t) => {
  const ids = new Set(DEFECTS.map(({ id }) => id))
  const { spec } = HV_PROFILES
  for (const name of Object.keys(spec) as (keyof HvProfile)[]) {
    const differs = REAL.some((profile) => HV_PROFILES[profile][name] !== spec[name])
    if (differs) t.ok(ids.has(`hv.${name}`), `hv.${name}`)
  }
  const { firmware } = UV_PROFILES
  for (const name of Object.keys(firmware) as (keyof UvProfile)[]) {
    if (firmware[name] !== UV_PROFILES.spec[name]) t.ok(ids.has(`uv.${name}`), `uv.${name}`)
  }
})

t.test('an id is a switch of its side, or words that are none', async (t) => {
  const all = [...DEFECTS, ...UNREPEATED]
  t.equal(new Set(all.map(({ id }) => id)).size, all.length, 'each id is there once')
  for (const { id, side } of all) {
    const [prefix, name = ''] = id.split('.')
    t.equal(prefix, side, id)
    const isSwitch = name in (side === 'hv' ? HV_PROFILES.spec : UV_PROFILES.spec)
    t.ok(isSwitch || /^[a-z]+(-[a-z]+)+$/.test(name), `${id}: a switch or words`)
  }
  for (const { id, mendedBy } of DEFECTS) {
    const [, name = ''] = id.split('.')
    const isSwitch = name in HV_PROFILES.spec || name in UV_PROFILES.spec
    if (isSwitch) t.equal(mendedBy[0], name, `${id} is mended by its switch`)
  }
})

/** Whether the story tells a difference when it is played under this profile. */
function isSeenUnder(defect: HvDefect, profile: (typeof REAL)[number]): boolean {
  try {
    return tellStory({ ...defect, profiles: [profile] }).some((line) => /^ {2}[-+] /.test(line))
  } catch {
    // What must happen before the story does not end well under this profile.
    return false
  }
}

t.test('an entry names every hypervisor under which its story is seen, and no other', async (t) => {
  for (const defect of DEFECTS) {
    if (defect.side === 'uv') continue
    const seen = REAL.filter((profile) => isSeenUnder(defect, profile))
    t.same([...defect.profiles].sort(), seen.sort(), defect.id)
  }
})

/** A comment marks what stands right below it. */
const linesMarked = 4

/** Whether a `DIFF:` stands beside a use of the switch. */
function isMarked(file: string, names: readonly string[]): boolean {
  const lines = textOf(file).split('\n')
  return lines.some((line, i) => {
    if (!line.includes('DIFF:')) return false
    const marked = lines.slice(i, i + linesMarked).join('\n')
    return names.some((name) => new RegExp(`\\b${name}\\b`).test(marked))
  })
}

t.test('the code says `DIFF:` beside the switch of every defect', async (t) => {
  for (const defect of DEFECTS) {
    t.ok(defect.marks.length > 0, `${defect.id}: it has a place`)
    for (const file of defect.marks) {
      if (defect.id.endsWith(`.${defect.mendedBy[0]}`)) {
        t.ok(isMarked(file, defect.mendedBy), `${defect.id}: ${file}`)
      } else t.match(textOf(file), 'DIFF:', `${defect.id}: ${file}`)
    }
  }
})

t.test('the command tells all of them, one, and none that is unknown', async (t) => {
  t.equal(listAll().length, DEFECTS.length + UNREPEATED.length)
  t.match(listAll().join('\n'), 'hv.undoesPageIn')
  const told = tellOne('hv.undoesPageIn') ?? []
  t.equal(told[0], 'hv.undoesPageIn')
  t.ok(told.includes('  - 1 in use') && told.includes('  + 0 in use'), 'both runs')
  t.match(told.at(-1), /^=> PFN 0 is lost/)
  const search = tellOne('hv.free-pfn-search') ?? []
  t.match(search[4], /^Here: /, 'one that is not repeated says what happens instead')
  t.match(search.at(-1), '1638400 pages: 20972339200 words', 'and what it costs')
  t.equal(tellOne('hv.nothing'), undefined)
})

t.test('the tables fit between the markers of a text', async (t) => {
  const text = `before\n${BEGIN}\nold\n${END}\nafter\n`
  const fresh = withFreshTables(text)
  t.ok(fresh.startsWith(`before\n${BEGIN}\n| What |`))
  t.ok(fresh.endsWith(`|\n${END}\nafter\n`))
  t.notMatch(fresh, '\nold\n')
  t.equal(withFreshTables(fresh), fresh, 'once is enough')
  t.equal(betweenMarkers(fresh), tellMarkdown())
  t.equal(betweenMarkers('nothing here'), undefined)
  const rows = tellMarkdown()
    .split('\n')
    .filter((line) => /`npm run defects -- \S+` \|$/.test(line))
  t.equal(rows.length, DEFECTS.length, 'a row for every story')
})

t.test('the tables of the README are fresh', async (t) => {
  const tables = betweenMarkers(textOf('README.md'))
  t.not(tables, undefined, `README.md has ${BEGIN} … ${END}`)
  t.equal(tables, tellMarkdown(), 'npm run defects -- --write README.md makes them fresh')
})
