/** What test files say to `t` as they load: kept, to be run as often as there are mutants. */

type Body = (t: object) => unknown

export interface CollectedTest {
  /** Unique: the file, the place in it, the name. */
  readonly id: string
  readonly body: Body
}

/** Where the module that stands for tap finds the collection (see module-hooks.ts). */
export const COLLECTION = 'uvmem collected tests'

const isSkipped = (option: unknown): boolean =>
  typeof option === 'object' && option !== null && 'skip' in option && option.skip !== false

export class Collection {
  #file = ''
  #tests: CollectedTest[] = []
  #running: object = {}

  /** What the module that stands for tap exports: within a test, the file's `t` is that test's. */
  readonly t: object = new Proxy(
    { test: (...words: readonly unknown[]) => this.#add(words), comment: () => undefined },
    {
      get: (own: object, key) => Reflect.get(own, key) ?? this.#ofRunning(key),
    },
  )

  begin(file: string): void {
    this.#file = file
  }

  /** All since the last time. */
  take(): readonly CollectedTest[] {
    const tests = this.#tests
    this.#tests = []
    return tests
  }

  #add([name, ...rest]: readonly unknown[]): Promise<void> {
    const body = rest.at(-1)
    if (rest.some(isSkipped)) return Promise.resolve()
    if (typeof body !== 'function')
      throw new Error(`${this.#file}: ${String(name)}: a test has a body`)
    const count = this.#tests.filter(({ id }) => id.startsWith(`${this.#file} #`)).length
    const id = `${this.#file} #${count + 1} ${String(name)}`
    const run = (t: object): unknown => {
      this.#running = t
      return body(t)
    }
    this.#tests.push({ id, body: run })
    return Promise.resolve()
  }

  #ofRunning(key: string | symbol): unknown {
    const value: unknown = Reflect.get(this.#running, key)
    return typeof value === 'function' ? value.bind(this.#running) : value
  }
}
