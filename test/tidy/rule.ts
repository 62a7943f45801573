/** A rule of the house: from a file to what is wrong with it, each with its line. */
import type { Source } from './sources.ts'

export type Rule = (source: Source) => readonly string[]

/** True when a path is a folder or lies in it. */
export const isIn = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`)
