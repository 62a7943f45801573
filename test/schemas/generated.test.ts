import t from 'tap'
import { documents, documentText } from '../../schemas/documents.ts'
import { DOWN_METHODS, UP_METHODS } from '../../schemas/methods.ts'
import { namesIn, textOf } from './files.ts'

t.test(
  'schemas/generated holds what `npm run schemas` would write, and nothing else',
  async (t) => {
    const made = documents()
    t.same(namesIn('generated'), Object.keys(made).toSorted())
    for (const [file, document] of Object.entries(made))
      t.equal(textOf(`generated/${file}`), documentText(document), `${file}: run npm run schemas`)
  },
)

t.test('every reference in a document leads somewhere', async (t) => {
  const made = documents()
  for (const [file, document] of Object.entries(made)) {
    const references = [...documentText(document).matchAll(/"\$ref": "([^"]*)"/g)]
    for (const [, reference = ''] of references) {
      const [name = '', pointer = ''] = reference.split('#')
      const keys = pointer.split('/').filter((key) => key !== '')
      let at: unknown = made[name === '' ? file : name]
      for (const key of keys) at = Reflect.get(Object(at), key)
      t.type(at, 'object', `${file}: ${reference}`)
    }
  }
})

t.test(
  'every call has its request and response in the document of the side that serves it',
  async (t) => {
    const hv = textOf('generated/hypervisor-receives.json')
    const uv = textOf('generated/ultravisor-receives.json')
    for (const name of Object.keys(UP_METHODS)) {
      t.match(hv, `/${name}.request"`)
      t.match(uv, `/${name}.response"`)
    }
    for (const name of Object.keys(DOWN_METHODS)) {
      t.match(uv, `/${name}.request"`)
      t.match(hv, `/${name}.response"`)
    }
    t.notMatch(hv, '/UV_PAGE_IN.request"', 'the hypervisor is never sent UV_PAGE_IN')
    t.notMatch(uv, '/H_SVM_PAGE_IN.request"', 'an ultravisor is never sent H_SVM_PAGE_IN')
  },
)
