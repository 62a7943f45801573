/** The modules of the page that need no page, with their types; Node runs them as they are. */
interface FrameModel {
  slots: { id: number; base: number; pages: number; start: number }[]
  readonly frames: number
  readonly counts: readonly number[]
  readonly states: Uint8Array
  readonly offset: number
  readonly total: number
  readonly from: number
  turnTo(offset: number): void
  framesBefore(gfn: number): number | undefined
  apply(bytes: ArrayBuffer): { from: number; to: number }[] | undefined
  gfnAt(index: number): number | undefined
  indexOf(gfn: number): number | undefined
}
interface MapView {
  columns: number
  rows: number
  scale: number
  left: number
  top: number
  readonly isFit: boolean
  resize(frames: number, width: number, height: number): void
  zoom(by: number, x?: number, y?: number): void
  pan(dx: number, dy: number): void
  indexAt(x: number, y: number): number | undefined
  squareOf(index: number): { x: number; y: number; size: number }
}
interface Format {
  share(part: number, whole: number): string
  bytes(value: number): string
  short(value: number): string
  duration(ms: number): string
  gpaOf(gfn: number): string
  parseSize(text: string): number | undefined
  parseNumber(text: string): number | undefined
}

const load = (name: string) =>
  import(new URL(`../../src/server/dashboard/${name}.js`, import.meta.url).href)

export const { FrameModel } = (await load('frame-model')) as {
  FrameModel: { new (): FrameModel; readonly framesMax: number }
}
export const { MapView } = (await load('map-view')) as { MapView: new () => MapView }
export const format = (await load('format')) as Format

/** What the page of `/docs` makes of an operation. */
interface DocsForm {
  exampleOf(schema: unknown, components?: unknown): unknown
  fieldsOf(schema: unknown): { name: string; about: string; required: boolean }[]
  targetOf(...parts: readonly unknown[]): unknown
}
export const docsForm = (await load('docs-form')) as DocsForm
