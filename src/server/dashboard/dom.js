/** Makes elements. */

/** @typedef {Node | string | number | undefined | null | false} Child */

/**
 * An element with properties, listeners (`onclick`), `class`, `aria-…` and `data-…` attributes.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined) continue
    if (name === 'class') element.className = String(value)
    else if (name.includes('-') || name === 'role' || name === 'for') {
      element.setAttribute(name, String(value))
    } else Reflect.set(element, name, value)
  }
  element.append(...kept(children))
  return element
}

/**
 * @param {readonly Child[]} children
 * @returns {(Node | string)[]}
 */
const kept = (children) =>
  children
    .filter((child) => child !== undefined && child !== null && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)))

/**
 * Puts other children in place of an element's own.
 * @param {Element} parent
 * @param {...Child} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...kept(children))
}

/**
 * Changes text only where it differs, so that selections and screen readers are left alone.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/**
 * The element of the page with that id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return element
}

/**
 * A list of names and values whose values can be changed.
 * @template {string} Name
 * @param {Readonly<Record<Name, string>>} names by key, as they are shown
 */
export function facts(names) {
  const list = el('dl', { class: 'facts' })
  const values = /** @type {Record<Name, HTMLElement>} */ ({})
  for (const [key, name] of /** @type {[Name, string][]} */ (Object.entries(names))) {
    values[key] = el('dd')
    list.append(el('dt', {}, name), values[key])
  }
  return { list, values }
}
