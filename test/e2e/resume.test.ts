/** `uvmem uv` and a server in processes of their own, and a line between them that breaks. */
import t from 'tap'
import { HvRest } from '../../src/peer/hv-rest.ts'
import { TcpProxy } from '../resume/tcp-proxy.ts'
import { start, startServer, until } from './program.ts'

t.setTimeout(300_000)

for (const protocol of ['json', 'bin']) {
  t.test(`${protocol}: a switch goes on when its connection is cut on the way`, async (t) => {
    const server = await startServer()
    t.teardown(() => server.process.kill('SIGKILL'))
    const proxy = await TcpProxy.start(Number(new URL(server.url).port))
    t.teardown(() => proxy.close())
    const rest = new HvRest({ url: server.url })
    const where = ['--url', `http://127.0.0.1:${proxy.port}`, '--http', server.url]
    const guest = ['--memory', '256MiB', '--strategy', 'all', '--window', '4']
    const uv = start(['uv', ...where, ...guest, '--protocol', protocol])
    t.teardown(() => uv.process.kill('SIGKILL'))
    for (const pages of [200, 1_500, 3_000]) {
      await until(async () => {
        const { pool } = await rest.call('getHost')
        return pool.used > pages ? true : undefined
      })
      proxy.cut()
    }
    const { code, out, err } = await uv.ended
    t.equal(code, 0, err)
    t.match(out, /^LPID 1: secure in .*: 4,096 pages in, 1 shared, 4,099 hypercalls, 85 /, out)
    const { sessions_resumed: resumed } = (await rest.call('getHostCounters')) as {
      sessions_resumed: number
    }
    t.ok(resumed > 0, `${resumed} resumes`)
    t.match(err, /^resuming: the connection broke .*\nconnected: the session goes on\n/)
  })
}
