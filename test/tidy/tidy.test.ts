/** The code base keeps its own rules, and the rules notice what breaks them. */
import t from 'tap'
import {
  brandsAreMadeInAbi,
  namesAreKebabCase,
  noAny,
  noDefaultExport,
  noEnum,
  nothingIsLeftToDo,
  testsAreNotPassedOver,
  testsAssertSomething,
} from './code-rules.ts'
import { importsGoDown, ownImportsEndInTs, pureFloorsStayPure } from './import-rules.ts'
import type { Rule } from './rule.ts'
import { filesAreShort, functionsAreShort } from './size-rules.ts'
import { codeOf, typescriptFiles } from './sources.ts'

/** A file that breaks the rule, and one that does not. */
interface Example {
  readonly rule: Rule
  readonly bad: readonly (readonly [path: string, text: string])[]
  readonly good: readonly (readonly [path: string, text: string])[]
}

const lines = (count: number, line: string): string => `${line}\n`.repeat(count)
const body = (count: number): string => `${lines(count - 2, '  x()')}}\n`

const EXAMPLES: Readonly<Record<string, Example>> = {
  'imports go down': {
    rule: importsGoDown,
    bad: [
      ['src/abi/page.ts', "import { x } from '../uvmem/host.ts'\n"],
      ['src/uvmem/host.ts', "import type { X } from '../ultravisor/svm.ts'\n"],
      ['src/ultravisor/svm.ts', "export { x } from '../uvmem/host.ts'\n"],
      ['src/hv/a.ts', "import {\n  x,\n  y,\n} from '../server/app.ts'\n"],
      ['src/elsewhere/a.ts', ''],
    ],
    good: [
      ['src/uvmem/host.ts', "import { x } from '../abi/page.ts'\n"],
      ['src/hv/a.ts', "import { x } from '../peer/a.ts'\nimport { y } from '../../schemas/b.ts'\n"],
      ['src/bin/a.ts', "import { x } from '../server/app.ts'\n"],
    ],
  },
  'pure floors import nothing from outside': {
    rule: pureFloorsStayPure,
    bad: [
      ['src/uvmem/host.ts', "import { x } from 'node:fs'\n"],
      ['src/lib/a.ts', "import { z } from 'zod'\n"],
    ],
    good: [
      ['src/server/a.ts', "import { x } from 'node:fs'\n"],
      ['src/uvmem/host.ts', "import { x } from './vm.ts'\n"],
    ],
  },
  'own imports end in .ts': {
    rule: ownImportsEndInTs,
    bad: [['src/hv/a.ts', "import { x } from './b.js'\n"]],
    good: [['src/hv/a.ts', "import { x } from './b.ts'\nimport { y } from 'zod'\n"]],
  },
  'files have 300 lines at most': {
    rule: filesAreShort,
    bad: [['src/hv/a.ts', lines(301, 'x')]],
    good: [
      ['src/hv/a.ts', lines(300, 'x')],
      ['test/hv/a.ts', lines(400, 'x')],
    ],
  },
  'functions have 70 lines at most': {
    rule: functionsAreShort,
    bad: [
      ['src/hv/a.ts', `function a(): void {\n${body(71)}`],
      ['src/hv/a.ts', `export async function* a(b: string): X {\n${body(71)}`],
      ['src/hv/a.ts', `const a = (b: string): void => {\n${body(71)}`],
      ['src/hv/a.ts', `class A {\n  #run(a: string): void {\n${lines(69, '    x()')}  }\n}\n`],
    ],
    good: [
      ['src/hv/a.ts', `function a(): void {\n${body(70)}`],
      ['src/hv/a.ts', `const TABLE = {\n${body(99)}`],
    ],
  },
  'no default exports': {
    rule: noDefaultExport,
    bad: [['src/hv/a.ts', 'export default 1\n']],
    good: [['src/hv/a.ts', '// export default is banned\nexport const a = 1\n']],
  },
  'no enums': {
    rule: noEnum,
    bad: [['src/hv/a.ts', 'export const enum A { B }\n']],
    good: [['src/hv/a.ts', "const text = 'x'\n/* enum A */\n"]],
  },
  'no any': {
    rule: noAny,
    bad: [
      ['src/hv/a.ts', 'const a: any = 1\n'],
      ['src/hv/a.ts', 'const a = b as any\n'],
      ['src/hv/a.ts', 'const a: Map<string, any> = b\n'],
    ],
    good: [['src/hv/a.ts', '// as any\nconst any = 1\nuse(many, anything)\n']],
  },
  'brands are made in src/abi': {
    rule: brandsAreMadeInAbi,
    bad: [['src/hv/a.ts', 'const a = 1 as Gfn\n']],
    good: [
      ['src/abi/page.ts', 'const a = 1 as Gfn\n'],
      ['src/hv/a.ts', 'const a = asGfn(1)\n'],
    ],
  },
  'nothing is left to do': {
    rule: nothingIsLeftToDo,
    bad: [
      ['src/hv/a.ts', `// ${'TO'}DO: more\n`],
      ['src/hv/a.ts', `// ${'FIX'}ME\n`],
    ],
    good: [['src/hv/a.ts', '// Done.\n']],
  },
  'no test is passed over': {
    rule: testsAreNotPassedOver,
    bad: [
      ['test/a.test.ts', "t.skip('x')\n"],
      ['test/a.test.ts', "t.only('x', f)\n"],
      ['test/a.test.ts', "t.pass('x')\n"],
    ],
    good: [['test/a.test.ts', "t.test('x', f)\n"]],
  },
  'every test file asserts something': {
    rule: testsAssertSomething,
    bad: [['test/a.test.ts', "t.test('x', f)\n"]],
    good: [
      ['test/a.test.ts', 't.equal(1, 1)\n'],
      ['test/a.ts', ''],
    ],
  },
  'names are in kebab-case': {
    rule: namesAreKebabCase,
    bad: [
      ['src/hv/aB.ts', ''],
      ['src/Hv/a.ts', ''],
      ['src/hv/a_b.ts', ''],
    ],
    good: [['src/hv/a-b.test.ts', '']],
  },
}

const sources = typescriptFiles()

t.test('there are sources to look at', async (t) => {
  t.ok(sources.length > 100, `${sources.length} files`)
  t.ok(sources.some(({ path }) => path === 'src/uvmem/host.ts'))
})

for (const [name, { rule, bad, good }] of Object.entries(EXAMPLES)) {
  t.test(name, async (t) => {
    for (const [path, text] of bad)
      t.not(rule({ path, text }).length, 0, `notices ${path}: ${text}`)
    for (const [path, text] of good) t.same(rule({ path, text }), [], `leaves ${path} alone`)
    t.same(sources.flatMap(rule), [], 'no file breaks it')
  })
}

t.test('code is what is no comment and no string', async (t) => {
  t.equal(codeOf("a // b\n'c' + d"), 'a     \n    + d')
  t.equal(codeOf('a /* b\nc */ d'), 'a     \n     d')
  t.equal(codeOf("x = /'/.test(a) // b"), 'x =    .test(a)     ')
})
