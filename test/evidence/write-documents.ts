/**
 * `npx tsx test/evidence/write-documents.ts`
 *
 * Makes evidence.md and the table of README.md fresh from evidence.json, when only their form changed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { withPart } from '../marked-text.ts'
import { Evidence } from './figure.ts'
import { documentOf, tableOf } from './table.ts'

const evidence = Evidence.parse(JSON.parse(readFileSync('test/evidence/evidence.json', 'utf8')))
writeFileSync('test/evidence/evidence.md', documentOf(evidence))
const readme = readFileSync('README.md', 'utf8')
writeFileSync('README.md', withPart(readme, 'evidence', tableOf(evidence)))
