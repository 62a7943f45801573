/** What is sent for an operation: its path with parameters, and an example of its body. */

/**
 * The path and query of a request; parameters that are left empty are not sent.
 * @param {string} route with parameters in braces
 * @param {readonly { name: string, in: string }[]} parameters
 * @param {Readonly<Record<string, string>>} values by name
 */
export function targetOf(route, parameters, values) {
  let path = route
  const query = new URLSearchParams()
  for (const parameter of parameters) {
    const value = values[parameter.name] ?? ''
    if (parameter.in === 'path') {
      path = path.replace(`{${parameter.name}}`, encodeURIComponent(value))
    } else if (value !== '') query.set(parameter.name, value)
  }
  const text = query.toString()
  return text === '' ? path : `${path}?${text}`
}

/**
 * The members of an object by its schema, with what is said of each.
 * @param {any} schema
 * @returns {{ name: string, about: string, required: boolean }[]}
 */
export function fieldsOf(schema) {
  const properties = /** @type {Record<string, any>} */ (schema?.properties ?? {})
  return Object.entries(properties).map(([name, field]) => ({
    name,
    about: field.description ?? (field.enum ?? []).join(', '),
    required: (schema.required ?? []).includes(name),
  }))
}

/**
 * A value that has the form of a schema: what is required, as small as it may be.
 * @param {any} schema
 * @returns {unknown}
 */
export function exampleOf(schema) {
  const options = schema.oneOf ?? schema.anyOf
  if (schema.default !== undefined) return schema.default
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  // An integer reads better than the hexadecimal text that would do as well.
  if (options !== undefined) return exampleOf(options.at(-1))
  if (schema.type === 'object') {
    const names = /** @type {string[]} */ (schema.required ?? [])
    return Object.fromEntries(names.map((name) => [name, exampleOf(schema.properties[name])]))
  }
  if (schema.type === 'array') return (schema.minItems ?? 0) > 0 ? [exampleOf(schema.items)] : []
  if (schema.type === 'integer' || schema.type === 'number') return Math.max(schema.minimum ?? 0, 0)
  if (schema.type === 'boolean') return true
  return ''
}
