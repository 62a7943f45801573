/** Writes `schemas/generated`: `npm run schemas`. A test says when a file there is stale. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { documents, documentText } from './documents.ts'

const folder = new URL('./generated/', import.meta.url)
mkdirSync(folder, { recursive: true })
for (const [file, document] of Object.entries(documents()))
  writeFileSync(new URL(file, folder), documentText(document))
