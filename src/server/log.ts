/** What the server needs of a logger: pino's, or nothing at all. */
export interface Log {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

const nothing = (): void => undefined

export const NO_LOG: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
