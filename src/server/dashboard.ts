/**
 * The dashboard: a page that shows and steers the hypervisor over the REST API, served as plain files.
 *
 * The files need no token, as a browser cannot show one before there is a page; what the page asks
 * for needs it. They are read once, when the server is built.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { allow } from './route-access.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}
const PAGE = 'index.html'
const FOLDER = '/dashboard/'

/** Nothing from elsewhere, nothing written into the page itself, and no frame around it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
}

/** Beside this file, or where the build was made from. */
const PLACES = ['./dashboard/', '../../../src/server/dashboard/']

interface StaticFile {
  readonly url: string
  readonly type: string
  readonly etag: string
  readonly bytes: Buffer
}

export function serveDashboard(http: FastifyInstance): void {
  for (const { url, type, etag, bytes } of filesOf()) {
    http.route({
      method: ['GET', 'HEAD'],
      url,
      ...allow('open'),
      handler: (request, reply) => {
        reply.headers(HEADERS).header('etag', etag)
        if (request.headers['if-none-match'] === etag) return reply.code(304).send()
        return reply.type(type).send(bytes)
      },
    })
  }
}

function filesOf(): StaticFile[] {
  const folder = PLACES.map((place) => new URL(place, import.meta.url)).find(existsSync)
  if (folder === undefined) return []
  const names = readdirSync(folder).filter((name) => Object.hasOwn(TYPES, extname(name)))
  return names.map((name) => {
    const bytes = readFileSync(new URL(name, folder))
    const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 22)
    return {
      url: name === PAGE ? '/' : `${FOLDER}${name}`,
      type: TYPES[extname(name)] ?? '',
      etag: `"${hash}"`,
      bytes,
    }
  })
}
