/** The options of the hidden command `uvmem uv-agent`. */
import { z } from 'zod'
import { UV_CODECS, type UvProtocol } from '../peer/uv-protocol.ts'
import { UV_PROFILES, type UvProfileName } from '../ultravisor/profile.ts'
import { oneOf, option, text } from './option.ts'

const PROFILES = Object.keys(UV_PROFILES) as [UvProfileName, ...UvProfileName[]]
const PROTOCOLS = Object.keys(UV_CODECS) as [UvProtocol, ...UvProtocol[]]

export const AgentOptions = z.strictObject({
  url: option(text('an address'), 'the WebSocket of the server', { value: 'url' }),
  profile: option(oneOf(PROFILES, 'a profile').default('firmware'), PROFILES.join(' or '), {
    value: 'name',
  }),
  protocol: option(oneOf(PROTOCOLS, 'a protocol').default('json'), PROTOCOLS.join(' or '), {
    value: 'name',
  }),
  token: option(text('a token').optional(), 'the bearer token', { secret: true }),
})
export type AgentOptions = z.output<typeof AgentOptions>
