/** Names that options let people choose from. */
import { UV_CODECS, type UvProtocol } from '../peer/uv-protocol.ts'
import { UV_PROFILES, type UvProfileName } from '../ultravisor/profile.ts'
import { HV_PROFILE_NAMES, type HvProfileName } from '../uvmem/profile.ts'

type Names<Name> = readonly [Name, ...Name[]]

/** Profiles of the hypervisor. */
export const HV_CHOICES = HV_PROFILE_NAMES as Names<HvProfileName>
/** Profiles of the ultravisor. */
export const UV_CHOICES = Object.keys(UV_PROFILES) as [UvProfileName, ...UvProfileName[]]
/** Subprotocols. */
export const PROTOCOLS = Object.keys(UV_CODECS) as [UvProtocol, ...UvProtocol[]]
