/** What the repository as a whole must not hold, and what its README must. */
import t from 'tap'
import { allFiles, readSource } from './sources.ts'

const files = allFiles()
const OWN = /^test\/tidy\//

/** Traces of the machine that a text was written on. */
const MACHINE = new RegExp(
  [
    '/wo' + 'rk/',
    '/ho' + 'me/\\w',
    '/ro' + 'ot/',
    'local' + 'host:48\\d\\d',
    '/tmp/ba' + 'sh',
  ].join('|'),
)

/** Hosts that packages are fetched from. */
const REGISTRY = /https?:\/\/[\w.-]*(registry|npm|artifactory|nexus|verdaccio)[\w.-]*(:\d+)?\//i

const linesThat = (pattern: RegExp, skip: RegExp): readonly string[] =>
  files
    .filter(({ path }) => !skip.test(path))
    .flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}`] : [])),
    )

t.test('no file names the machine it was written on', async (t) => {
  t.match('x /wo' + 'rk/main', MACHINE, 'the pattern finds one')
  t.same(linesThat(MACHINE, OWN), [])
})

t.test('no file names a registry', async (t) => {
  t.match('http://npm-mirror.example:4873/x', REGISTRY, 'the pattern finds one')
  t.same(linesThat(REGISTRY, OWN), [])
})

interface Package {
  readonly dependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

t.test('every dependency has an exact version', async (t) => {
  const { dependencies, optionalDependencies, devDependencies } = JSON.parse(
    readSource('package.json').text,
  ) as Package
  const versions = Object.entries({
    ...dependencies,
    ...optionalDependencies,
    ...devDependencies,
  })
  t.ok(versions.length > 5, 'there are some')
  const loose = versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
  t.same(loose, [], 'none is a range')
})

const DEFECT_MARK = /\/\/ DIFF: (Linux|the kernel|the firmware|the real)(?! would)/

/** The part of the README that the catalogue of defects is written into. */
const TABLE = /### Known defects of the real code\n([\s\S]*?)\n##/

t.test('the defects that the code reproduces are listed', async (t) => {
  const marked = files
    .filter(({ path, text }) => /^src\/(uvmem|ultravisor)\//.test(path) && DEFECT_MARK.test(text))
    .map(({ path }) => path)
  t.ok(marked.length > 3, 'the code marks some')
  const readme = files.find(({ path }) => path === 'README.md')
  const rows = TABLE.exec(readme?.text ?? '')?.[1]
    ?.split('\n')
    .filter((line) => /^\|.*\|$/.test(line))
  t.ok(readme === undefined || (rows?.length ?? 0) > 10, 'the README has the table')
  const catalogue = files.filter(({ path }) => path.startsWith('test/defects/'))
  const listed = catalogue.map(({ text }) => text).join('\n')
  t.same(
    marked.filter((path) => !listed.includes(path)),
    [],
    'every file with such a mark is named in the catalogue that the table is made from',
  )
})
