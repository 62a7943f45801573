/**
 * Reads plain JSON of unknown origin, field by field. The first thing that is wrong is kept as a
 * sentence that names the field; from then on every reading gives a harmless value.
 */

/** Where the first fault goes. */
interface Faults {
  first: string | undefined
}

export class JsonField {
  readonly #value: unknown
  readonly #path: string
  readonly #faults: Faults

  constructor(value: unknown, path = '', faults: Faults = { first: undefined }) {
    this.#value = value
    this.#path = path
    this.#faults = faults
  }

  /** What is wrong with the document; `undefined` while nothing is. */
  get fault(): string | undefined {
    return this.#faults.first
  }

  /** Says that this field is wrong. */
  refuse(why: string): void {
    this.#faults.first ??= `${this.#path === '' ? 'the document' : this.#path} ${why}`
  }

  /** A field of an object. */
  at(name: string): JsonField {
    const inner = isRecord(this.#value) && Object.hasOwn(this.#value, name)
    if (!isRecord(this.#value)) this.refuse('must be an object')
    const value = inner && isRecord(this.#value) ? this.#value[name] : undefined
    const path = this.#path === '' ? name : `${this.#path}.${name}`
    return new JsonField(value, path, this.#faults)
  }

  /** The names of an object's fields. */
  names(): readonly string[] {
    return isRecord(this.#value) ? Object.keys(this.#value) : []
  }

  has(name: string): boolean {
    return isRecord(this.#value) && Object.hasOwn(this.#value, name)
  }

  /** The elements of an array; with `length`, there must be so many. */
  items(length?: number): readonly JsonField[] {
    const list = Array.isArray(this.#value) ? this.#value : []
    if (!Array.isArray(this.#value)) this.refuse('must be an array')
    else if (length !== undefined && list.length !== length) {
      this.refuse(`must have ${length} elements`)
    }
    return list.map((value, i) => new JsonField(value, `${this.#path}[${i}]`, this.#faults))
  }

  /** The numbers of an array of exactly `length` whole numbers, 0 or more. */
  numbers(length: number): readonly number[] {
    const numbers = this.items(length).map((item) => item.integer(0, Number.MAX_SAFE_INTEGER))
    return this.fault === undefined ? numbers : new Array<number>(length).fill(0)
  }

  /** A whole number from `least` to `most`. */
  integer(least: number, most: number): number {
    const value = this.#value
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) {
      return value
    }
    this.refuse(`must be a whole number from ${least} to ${most}`)
    return least
  }

  flag(): boolean {
    if (typeof this.#value !== 'boolean') this.refuse('must be true or false')
    return this.#value === true
  }

  text(): string {
    if (typeof this.#value === 'string') return this.#value
    this.refuse('must be a string')
    return ''
  }

  /** One of these values. */
  oneOf<T extends string | boolean>(values: readonly T[]): T | undefined {
    const found = values.find((value) => value === this.#value)
    if (found === undefined) this.refuse(`must be one of ${values.join(', ')}`)
    return found
  }

  /** A 64-bit number in hexadecimal digits. */
  hex64(): bigint {
    const text = this.text()
    if (/^[0-9a-f]{1,16}$/.test(text)) return BigInt(`0x${text}`)
    this.refuse('must be 1 to 16 hexadecimal digits')
    return 0n
  }

  isText(): boolean {
    return typeof this.#value === 'string'
  }

  isNull(): boolean {
    return this.#value === null
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
