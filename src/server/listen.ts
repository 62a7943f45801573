/** Starts to listen; says where. */
import { Server as TlsServer } from 'node:tls'
import type { App } from './app.ts'
import { UV_PATH } from './subprotocols.ts'

export interface Address {
  /** `http://127.0.0.1:8080`, or https */
  readonly url: string
  /** `ws://127.0.0.1:8080/v1/uv`, or wss */
  readonly uv: string
}

/** Throws what the operating system answers (EADDRINUSE ...). */
export async function listen({ http }: App, host: string, port: number): Promise<Address> {
  await http.listen({ host, port })
  const address = http.server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  const name = host.includes(':') ? `[${host}]` : host
  const s = http.server instanceof TlsServer ? 's' : ''
  return { url: `http${s}://${name}:${bound}`, uv: `ws${s}://${name}:${bound}${UV_PATH}` }
}
