/** Every container runs with as little as it needs: no root, no capabilities, a root nobody writes to. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const textOf = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8')

interface Service {
  readonly image: string
  readonly user?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly cap_add?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly privileged?: boolean
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
}
const { services } = parse(textOf('compose.yaml')) as {
  readonly services: Readonly<Record<string, Service>>
}
/** Grafana writes to its own database; its image has a user of its own. */
const WRITES = ['grafana']

t.test('no container has a capability, more privileges than it began with, or root', async (t) => {
  t.same(Object.keys(services), ['hv', 'uv', 'load', 'prometheus', 'grafana'])
  for (const [name, service] of Object.entries(services)) {
    t.same(service.cap_drop, ['ALL'], name)
    t.same(service.security_opt, ['no-new-privileges:true'], name)
    t.equal(service.cap_add, undefined, `${name}: none is given back`)
    t.equal(service.privileged, undefined, name)
    if (WRITES.includes(name)) continue
    t.equal(service.read_only, true, `${name}: its root cannot be written to`)
    t.match(service.user, /^[1-9]\d*:[1-9]\d*$/, `${name}: a user who is not root`)
  }
})

t.test('ports are those of this machine alone, and nothing of the host is writable', async (t) => {
  for (const [name, { ports = [], volumes = [] }] of Object.entries(services)) {
    for (const port of ports) t.match(port, /^127\.0\.0\.1:/, name)
    for (const volume of volumes) {
      if (/^[./]/.test(volume)) t.match(volume, /:ro$/, `${name}: ${volume}`)
      t.notMatch(volume, /docker\.sock/)
    }
  }
})

t.test('the image has a user who is not root, and no package ran a script in it', async (t) => {
  const lines = textOf('docker/Dockerfile').split('\n')
  const users = lines.filter((line) => line.startsWith('USER '))
  t.same(users, ['USER 1000:1000'])
  t.ok(lines.indexOf('USER 1000:1000') < lines.findIndex((line) => line.startsWith('ENTRYPOINT')))
  const installs = lines.filter((line) => line.includes('npm ci'))
  t.equal(installs.length, 2)
  for (const line of installs) t.match(line, '--ignore-scripts')
})
