/**
 * Where a server is, from whatever the user gave: its page, its WebSocket, or its host and port.
 */
import { CommandError } from './io.ts'

export interface Endpoints {
  /** `ws://127.0.0.1:8080/v1/uv` */
  readonly uv: string
  /** `http://127.0.0.1:8080` */
  readonly http: string
}

const UV_PATH = '/v1/uv'

/** `http` is what REST is reached at when that is somewhere else. */
export function endpointsOf(url: string, http?: string): Endpoints {
  const parsed = parseUrl(url, '--url')
  const isSecure = parsed.protocol === 'https:' || parsed.protocol === 'wss:'
  const path = parsed.pathname === '/' ? UV_PATH : parsed.pathname
  return {
    uv: `${isSecure ? 'wss' : 'ws'}://${parsed.host}${path}`,
    http:
      http === undefined
        ? `${isSecure ? 'https' : 'http'}://${parsed.host}`
        : parseUrl(http, '--http').origin,
  }
}

/** What is written into a URL is kept by shells and logs, so an error does not repeat it either. */
function parseUrl(text: string, from: string): URL {
  if (/[@?#]/.test(text)) {
    throw new CommandError(
      `${from}: an address holds neither a name, nor a token, nor a query: use --token-file or UVMEM_TOKEN`,
    )
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^(?:ws|http)s?:$/.test(url.protocol)) return url
  throw new CommandError(
    `${from} ${JSON.stringify(text)}: expected http://HOST:PORT or ws://HOST:PORT/v1/uv`,
  )
}
