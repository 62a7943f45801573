/** `/docs`: the page that shows the REST API and tries it. Its files lie with the dashboard's. */
import type { FastifyInstance } from 'fastify'
import { allow } from './route-access.ts'

export const DOCS_PATH = '/docs'

export function serveDocs(http: FastifyInstance): void {
  http.get(DOCS_PATH, allow('open'), (_request, reply) =>
    reply.redirect('/dashboard/docs.html', 302),
  )
}
