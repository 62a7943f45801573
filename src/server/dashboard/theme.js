/** Light or dark: as the system wishes, until somebody chooses. */
import { byId } from './dom.js'
import { Observable } from './observable.js'

const KEY = 'uvmem-theme'
const SYSTEM = matchMedia('(prefers-color-scheme: dark)')

/** @returns {'light' | 'dark'} */
function current() {
  const chosen = localStorage.getItem(KEY)
  if (chosen === 'light' || chosen === 'dark') return chosen
  return SYSTEM.matches ? 'dark' : 'light'
}

/** Told after the colours have changed. */
export const theme = new Observable(current())

export function startTheme() {
  const button = byId('theme')
  const apply = () => {
    document.documentElement.dataset['theme'] = current()
    button.textContent = current() === 'dark' ? '☀ Light' : '☾ Dark'
    theme.set(current())
  }
  button.addEventListener('click', () => {
    localStorage.setItem(KEY, current() === 'dark' ? 'light' : 'dark')
    apply()
  })
  SYSTEM.addEventListener('change', apply)
  apply()
}
