/** Listens on a free port and reads server-sent events, one message after the other. */
import type { App } from '../../src/server/app.ts'

export interface Message {
  readonly id: string | undefined
  readonly events: readonly Record<string, unknown>[]
  readonly lost: number
}

export interface Followed {
  readonly status: number
  readonly type: string | null
  /** The next message; undefined when the stream has ended. Comments are passed over. */
  readonly next: () => Promise<Message | undefined>
  readonly leave: () => void
}

export async function listening(app: App): Promise<string> {
  await app.http.listen({ host: '127.0.0.1', port: 0 })
  const address = app.http.server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

export async function follow(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Followed> {
  const cut = new AbortController()
  const response = await fetch(url, { headers, signal: cut.signal })
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  const next = async (): Promise<Message | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end < 0) {
        const { done, value } = await reader.read()
        if (done) return undefined
        text += decoder.decode(value, { stream: true })
        continue
      }
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const fieldOf = (name: string) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const data = fieldOf('data')
      if (data !== undefined) return { id: fieldOf('id'), ...JSON.parse(data) }
    }
  }
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    next,
    leave: () => cut.abort(),
  }
}
