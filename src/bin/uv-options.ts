/** The options of `uvmem uv`. */
import { z } from 'zod'
import { LPID_MAX, UV_SLOTS_MAX } from '../abi/page.ts'
import { MEASURED_PARTS } from '../peer/guest-load.ts'
import { RESUME_MS_MAX } from '../peer/uv-line.ts'
import { UV_LIMITS } from '../ultravisor/limits.ts'
import { UV_CHOICES } from './choices.ts'
import { duration } from './duration-option.ts'
import { uvNetOptions } from './net-options.ts'
import { flag, integer, oneOf, option, pages, text } from './option.ts'

const GROUP = { net: 'Network:', uv: 'Ultravisor:', guest: 'Guests:', out: 'Output:' }

/** Pages of the biggest guest: 16 TiB. */
const MEMORY_PAGES_MAX = 2 ** 28

const net = {
  ...uvNetOptions('json'),
  window: option(
    integer(1, UV_LIMITS.windowRequestsMax, 'hypercalls').default(64),
    'hypercalls of one guest that may be under way at once',
    { value: 'number', group: GROUP.net, shownDefault: '64', own: true },
  ),
  resumeFor: option(
    duration('how long to resume').default(RESUME_MS_MAX),
    'how long to try to go on when the connection breaks; 0s: a break is the end',
    { value: 'duration', group: GROUP.net, shownDefault: '30s' },
  ),
}

const ultravisor = {
  name: option(text('a name').default('uvmem uv'), 'what the session is called', {
    value: 'name',
    group: GROUP.uv,
    shownDefault: 'uvmem uv',
  }),
  profile: option(
    oneOf(UV_CHOICES, 'a profile').default('firmware'),
    `whose behaviour to show: ${UV_CHOICES.join(' or ')}`,
    { value: 'name', group: GROUP.uv, shownDefault: 'firmware', own: true },
  ),
  secureMemory: option(
    pages(MEMORY_PAGES_MAX, 'secure memory').default(MEMORY_PAGES_MAX),
    'budget of secure memory: a size, or 64 KiB pages',
    { value: 'size', group: GROUP.uv, shownDefault: '16TiB' },
  ),
  stay: option(flag('stay').default(false), 'serve the guests until a signal comes', {
    kind: 'flag',
    group: GROUP.uv,
  }),
}

const guests = {
  lpid: option(integer(1, LPID_MAX, 'an LPID').default(1), 'LPID of the first guest', {
    value: 'number',
    group: GROUP.guest,
    shownDefault: '1',
  }),
  count: option(integer(1, LPID_MAX, 'guests').default(1), 'guests, with LPIDs counting up', {
    value: 'number',
    group: GROUP.guest,
    shownDefault: '1',
  }),
  memory: option(
    pages(MEMORY_PAGES_MAX, 'memory').default(4_096),
    'memory of a guest that has none yet: a size, or 64 KiB pages',
    { value: 'size', group: GROUP.guest, shownDefault: '256MiB' },
  ),
  slots: option(
    integer(1, UV_SLOTS_MAX, 'memory slots').default(1),
    'memory slots that it is divided into',
    { value: 'number', group: GROUP.guest, shownDefault: '1' },
  ),
  kernel: option(text('a path').optional(), 'kernel image: an ELF file, or a flat one', {
    value: 'file',
    group: GROUP.guest,
    shownDefault: '4 MiB of made-up bytes',
  }),
  initrd: option(text('a path').optional(), 'initrd', {
    value: 'file',
    group: GROUP.guest,
    shownDefault: '1 MiB of made-up bytes',
  }),
  bootargs: option(text('text').default('console=hvc0'), 'boot arguments', {
    value: 'text',
    group: GROUP.guest,
    shownDefault: 'console=hvc0',
  }),
  kernelBase: option(
    pages(MEMORY_PAGES_MAX, 'where the kernel begins').default(64),
    'where the kernel begins: 0x400000, 4MiB, or a number of pages',
    { value: 'address', group: GROUP.guest, shownDefault: '0x400000' },
  ),
  strategy: option(
    oneOf(['necessary', 'all'], 'a strategy').default('necessary'),
    'pages to bring in: the necessary ones, or all',
    { value: 'name', group: GROUP.guest, shownDefault: 'necessary' },
  ),
  content: option(
    oneOf(['bytes', 'tag'], 'a kind of content').default('bytes'),
    'tag: fill all memory with tags first, so that every page has content',
    { value: 'name', group: GROUP.guest, shownDefault: 'bytes' },
  ),
  wrongDigest: option(
    oneOf(MEASURED_PARTS, 'a part').optional(),
    `change one byte of a part: ${MEASURED_PARTS.join(', ')}`,
    { value: 'part', group: GROUP.guest },
  ),
}

export const UvOptions = z.strictObject({
  ...net,
  ...ultravisor,
  ...guests,
  json: option(flag('json').default(false), 'one JSON document on stdout', {
    kind: 'flag',
    group: GROUP.out,
  }),
})
export type UvOptions = z.output<typeof UvOptions>
