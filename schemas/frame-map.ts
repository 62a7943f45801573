/**
 * The compact map of a VM's frames: two bits a frame, or runs where they take less room. Little-endian.
 *
 * | bytes | what |
 * | --- | --- |
 * | 32 | head: `UVFM`, version (16 bits), flags (16), slots (32), patches (32), next GFN (float64; -1: nothing is left), 0 (64) |
 * | 16 each | slots, when the map is whole: first GFN (float64), pages (32), id (32) |
 * | 20 each, and data | patches: first GFN (float64), frames (32), form (32), words of data (32) |
 *
 * Packed data has frame `i` in the bits `2 * (i % 4)` of byte `i >> 2`, padded to whole words. Runs are
 * words: the state in the highest two bits, the frames less one below.
 */
import { FrameState } from '../src/uvmem/frame-state.ts'
import { REST_LIMITS } from './rest/limits.ts'

/** Bytes `UVFM` as a little-endian word. */
export const FRAME_MAP_MAGIC = 0x4d46_5655
export const FRAME_MAP_VERSION = 1
export const FRAME_MAP_HEAD_BYTES = 32
export const FRAME_MAP_SLOT_BYTES = 16
export const FRAME_MAP_PATCH_BYTES = 20
/** Flag: every frame that was asked for is there. Otherwise only those that may have changed. */
export const FRAME_MAP_WHOLE = 1

export const FrameMapForm = { Runs: 0, Packed: 1 } as const
export type FrameMapForm = (typeof FrameMapForm)[keyof typeof FrameMapForm]

/** A state's two bits are its place here. */
export const FRAME_MAP_STATES = [
  FrameState.Normal,
  FrameState.Secure,
  FrameState.PagedOut,
  FrameState.Shared,
] as const

export const { mapFramesMax } = REST_LIMITS
/** Frames of one run. */
export const mapRunFramesMax = 2 ** 30
