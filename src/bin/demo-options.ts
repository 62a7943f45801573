/** The options of `uvmem demo`. */
import { z } from 'zod'
import { LPID_MAX } from '../abi/page.ts'
import { HV_CHOICES, PROTOCOLS, UV_CHOICES } from './choices.ts'
import { CREDENTIAL_OPTIONS } from './net-options.ts'
import { flag, integer, oneOf, option, pages, text } from './option.ts'

/** Pages of both slots together: 64 MiB to 1 TiB. */
const PAGES_MIN = 1_024
const PAGES_MAX = 2 ** 24

export const DemoOptions = z.strictObject({
  kernel: option(text('a path').optional(), 'kernel image: an ELF file, or a flat one', {
    value: 'file',
    shownDefault: 'the running node executable',
  }),
  initrd: option(text('a path').optional(), 'initrd: any file', {
    value: 'file',
    shownDefault: 'the lock file of this package',
  }),
  url: option(text('an address').optional(), 'a server that runs already', {
    value: 'url',
    shownDefault: 'a server of its own',
  }),
  ...CREDENTIAL_OPTIONS,
  lpid: option(integer(1, LPID_MAX, 'an LPID').default(1), 'LPID of the VM, which must be free', {
    value: 'number',
    shownDefault: '1',
  }),
  memory: option(
    pages(PAGES_MAX, 'memory')
      .refine((count) => count >= PAGES_MIN, 'memory: 64MiB or more')
      .default(32_768),
    'memory of the VM, half of it in each of two slots',
    { value: 'size', shownDefault: '2GiB', own: true },
  ),
  hvProfile: option(
    oneOf(HV_CHOICES, 'a profile').default('linux-6'),
    `the hypervisor's behaviour: ${HV_CHOICES.join(', ')}`,
    { value: 'name', shownDefault: 'linux-6' },
  ),
  uvProfile: option(
    oneOf(UV_CHOICES, 'a profile').default('firmware'),
    `the ultravisor's: ${UV_CHOICES.join(' or ')}`,
    { value: 'name', shownDefault: 'firmware' },
  ),
  protocol: option(oneOf(PROTOCOLS, 'a protocol').default('json'), PROTOCOLS.join(' or '), {
    value: 'name',
    shownDefault: 'json',
  }),
  json: option(flag('json').default(false), 'one JSON document at the end', { kind: 'flag' }),
})
export type DemoOptions = z.output<typeof DemoOptions>
