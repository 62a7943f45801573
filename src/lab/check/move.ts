/** Moves of a small world as numbers: what happens, to which VM, CPU and frame. */
import type { ActName } from './check-world.ts'

export const MoveKind = {
  BeginGuest: 0,
  BeginHost: 1,
  Deliver: 2,
  Serve: 3,
  Refuse: 4,
  Resume: 5,
} as const
export type MoveKind = (typeof MoveKind)[keyof typeof MoveKind]

export const ACTS: readonly ActName[] = [
  'esm',
  'esm-wrong',
  'load',
  'store',
  'share',
  'unshare',
  'unshare-all',
  'touch',
  'reclaim',
  'host-write',
  'tamper',
  'flush',
  'reset',
  'restart',
  'hot-add',
  'hot-remove',
  'cut',
]
/** A move in its parts. */
export interface Move {
  readonly kind: MoveKind
  readonly vm: number
  readonly cpu: number
  readonly act: ActName
  readonly frame: number
}

export const packMove = (kind: number, vm: number, cpu = 0, act = 0, frame = 0): number =>
  kind + 8 * (vm + 2 * (cpu + 2 * (frame + 8 * act)))

export function unpackMove(move: number): Move {
  const act = ACTS[move >> 8] ?? 'esm'
  return {
    kind: (move & 7) as MoveKind,
    vm: (move >> 3) & 1,
    cpu: (move >> 4) & 1,
    act,
    frame: (move >> 5) & 7,
  }
}
