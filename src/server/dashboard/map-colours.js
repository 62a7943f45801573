/** The colours that canvases draw with, as the theme has them now. */
import { stateColours, statePixels } from './states.js'

export function byTheme() {
  const style = getComputedStyle(document.documentElement)
  /** @param {string} name */
  const colour = (name) => style.getPropertyValue(name).trim()
  return {
    ground: colour('--sunken'),
    line: colour('--line'),
    ink: colour('--ink'),
    muted: colour('--muted'),
    accent: colour('--accent'),
    glow: colour('--glow'),
    warn: colour('--warn'),
    states: stateColours(),
    pixels: statePixels(),
  }
}
