/**
 * Tables of cases as text, four lines each and no quotes:
 *
 *   * what the case is about
 *     with profile=spec pool=1 slots=0:0+4,1:8+2 touched=0,1 frames=9 hash svmoff notifies
 *     after init_start; page_in 0
 *     do page_in 0 -> H_PARAMETER by kvmppc_h_svm_page_in
 *     asks UV_PAGE_IN ra1 to 0x0; UV_SVM_TERMINATE
 *     leaves g=U0,.,.,. h=d0,.,.,. used=0 flags=1 fault=LIVELOCK
 *
 * Without `asks` the ultravisor must not be asked; without `leaves` nothing may have changed.
 */
import { H, Host } from '../../src/abi/codes.ts'
import { HV_PROFILE_NAMES } from '../../src/uvmem/profile.ts'
import type { Row } from './rows.ts'
import type { WorldOptions } from './world.ts'

type Draft = { -readonly [Key in keyof Row]?: Row[Key] }

const numbers = (text: string): readonly number[] => text.split(',').map(Number)

function codeOf(name: string): number {
  const tables: Readonly<Record<string, number>> = name.startsWith('H_') ? H : Host
  const code = tables[name.replace('H_', '')] ?? Number(name)
  if (Number.isNaN(code)) throw new Error(`no such code: ${name}`)
  return code
}

function setOption(row: Draft, key: string, value: string): void {
  const name = HV_PROFILE_NAMES.find((each) => each === value)
  if (key === 'profile' && name !== undefined) row.profile = name
  else if (key === 'pool') row.pool = Number(value)
  else if (key === 'frames') row.frames = Number(value)
  else if (key === 'slots') row.slots = value.replaceAll(',', ' ')
  else if (key === 'touched') row.touched = value === '' ? [] : numbers(value)
  else if (key === 'hash') row.radix = false
  else if (key === 'svmoff') row.svmEnabled = false
  else if (key === 'notifies') row.notifies = true
  else throw new Error(`no such option: ${key}=${value}`)
}

function setExpected(row: Draft, key: string, value: string): void {
  if (key === 'flags') row.flags = Number(value)
  else if (key === 'g' || key === 'h' || key === 'used' || key === 'fault') row[key] = value
  else throw new Error(`no such expectation: ${key}=${value}`)
}

const LINES: Readonly<Record<string, (row: Draft, rest: string) => void>> = {
  with: (row, rest) => eachPair(rest, (key, value) => setOption(row, key, value)),
  after: (row, rest) => {
    row.after = rest.split('; ')
  },
  do: (row, rest) => {
    const [, line = '', code = '', source] = /^(.*) -> (\S+)(?: by (\S+))?$/.exec(rest) ?? []
    row.line = line
    row.ret = codeOf(code)
    if (source !== undefined) row.source = source
  },
  asks: (row, rest) => {
    row.calls = rest.split('; ')
  },
  leaves: (row, rest) => eachPair(rest, (key, value) => setExpected(row, key, value)),
}

function eachPair(text: string, visit: (key: string, value: string) => void): void {
  for (const pair of text.split(' ')) {
    const [key = '', value = ''] = pair.split('=')
    visit(key, value)
  }
}

/** The rows of a story, each with `base` under it. */
export function rowsOf(story: string, base: WorldOptions = {}): readonly Row[] {
  return story
    .split(/^\s*\* /m)
    .slice(1)
    .map((text) => {
      const [why = '', ...lines] = text.split('\n').map((line) => line.trim())
      const row: Draft = { ...base, why }
      for (const line of lines.filter((each) => each !== '')) {
        const [word = '', rest = ''] = /^(\S+) (.*)$/.exec(line)?.slice(1) ?? []
        const read = LINES[word]
        if (read === undefined) throw new Error(`${why}: no such line: ${line}`)
        read(row, rest)
      }
      if (row.line === undefined || row.ret === undefined) throw new Error(`${why}: no "do" line`)
      return { ...row, why, line: row.line, ret: row.ret }
    })
}
