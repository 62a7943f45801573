/**
 * Makes a host, or one VM in a host, from a snapshot. What is wrong with the snapshot is said in one
 * sentence that names the field; nothing is thrown, and a host that takes a VM in stays as it was.
 */
import { asDevicePfn, asFrame, asGpa, asLpid, LPID_MAX } from '../abi/page.ts'
import { JsonField } from '../lib/json-field.ts'
import { devicePfnsMax } from './device-pages.ts'
import { type Host, newHost, type Vm } from './host.ts'
import { hostFramesMax } from './host-ram.ts'
import { unexplained, violationsOf } from './invariants.ts'
import { HV_PROFILE_NAMES, HV_PROFILES, type HvProfile } from './profile.ts'
import { HOST_FORMAT, SNAPSHOT_VERSION, VM_FORMAT } from './snapshot.ts'
import { readContent } from './snapshot-read-content.ts'
import { readVm } from './snapshot-read-vm.ts'

/** The highest GPA, as near as a number gets. */
const gpaMax = 2 ** 64

/** A restored host, or what is wrong with the snapshot. */
export type Restored = { readonly host: Host } | { readonly error: string }

/** What the profile of a snapshot may be in place of. */
export interface RestoreOptions {
  /** The profile to go on with, instead of the snapshot's own. */
  readonly profile?: HvProfile
}

export function hostFromSnapshot(json: unknown, options: RestoreOptions = {}): Restored {
  const root = new JsonField(json)
  checkFormat(root, HOST_FORMAT)
  const host = newHost({
    profile: options.profile ?? readProfile(root.at('profile')),
    poolSize: root.at('poolSize').integer(0, devicePfnsMax),
    frames: root.at('frames').integer(1, hostFramesMax),
    notifiesMigrations: root.at('notifiesMigrations').flag(),
  })
  host.deniesFrames = root.at('deniesFrames').flag()
  if (root.fault === undefined) {
    readPools(host, root)
    for (const vm of root.at('vms').items()) addVm(host, vm)
    host.ram.restore({ next: root.at('nextFrame').integer(1, host.ram.size + 1) })
  }
  const error = root.fault ?? inconsistency(host)
  return error === undefined ? { host } : { error }
}

/**
 * Puts the VM of a snapshot into a host.
 *
 * @param refused asked about the VM before it is put there: why the host does not take it.
 * @returns what is wrong, or nothing.
 */
export function addVmFromSnapshot(
  host: Host,
  json: unknown,
  refused: (vm: Vm) => string | undefined = () => undefined,
): string | undefined {
  const root = new JsonField(json)
  checkFormat(root, VM_FORMAT)
  const lpid = root.at('vm').at('lpid').integer(1, LPID_MAX)
  if (root.fault !== undefined) return root.fault
  // A rehearsal in an empty host of the same size tells whether the snapshot is sound by itself.
  const rehearsal = newHost({
    profile: host.profile,
    poolSize: host.devices.pool.size,
    frames: host.ram.size,
  })
  addOne(rehearsal, root)
  const [vm] = rehearsal.vms.values()
  const unwanted = vm === undefined ? undefined : refused(vm)
  const error = root.fault ?? inconsistency(rehearsal) ?? roomFor(host, root, lpid) ?? unwanted
  if (error === undefined) addOne(host, root)
  return error
}

/** The VM with its pages; a leaked PFN may be in use already: nobody will give it back. */
function addOne(host: Host, root: JsonField): void {
  const leaked = root.at('leaked').items()
  for (const pfn of leaked) host.devices.pool.claimRun(pfn.integer(0, devicePfnsMax), 1)
  readPools(host, root)
  addVm(host, root.at('vm'))
}

/** Why the host cannot take the VM in. */
function roomFor(host: Host, root: JsonField, lpid: number): string | undefined {
  if (host.vms.has(asLpid(lpid))) return `vm.lpid ${lpid} is in use`
  for (const run of root.at('devices').at('used').items()) {
    const [start = 0, count = 0] = run.numbers(2)
    for (let i = 0; i < count; i++) {
      if (host.devices.isUsed(asDevicePfn(start + i))) return `device PFN ${start + i} is in use`
    }
  }
  for (const run of root.at('memory').at('used').items()) {
    const [start = 0, count = 0] = run.numbers(3)
    for (let i = 0; i < count; i++) {
      if (host.ram.has(asFrame(start + i))) return `frame ${start + i} of normal memory is in use`
    }
  }
  return undefined
}

function checkFormat(root: JsonField, format: string): void {
  root.at('format').oneOf([format])
  root.at('version').integer(SNAPSHOT_VERSION, SNAPSHOT_VERSION)
}

/** A name, or switches whose values some profile has. */
function readProfile(field: JsonField): HvProfile {
  if (field.isText()) return HV_PROFILES[field.oneOf(HV_PROFILE_NAMES) ?? 'spec']
  const switches = Object.keys(HV_PROFILES.spec) as readonly (keyof HvProfile)[]
  const read = switches.map((name) => {
    const known = HV_PROFILE_NAMES.map((each) => HV_PROFILES[each][name])
    return [name, field.at(name).oneOf([...new Set(known)])]
  })
  return Object.fromEntries(read) as HvProfile
}

function readPools(host: Host, root: JsonField): void {
  const used = root.at('devices').at('used')
  for (const run of used.items()) {
    const [start = 0, count = 0] = run.numbers(2)
    if (!host.devices.pool.claimRun(start, count)) run.refuse('is no run of free device PFNs')
  }
  for (const note of root.at('devices').at('notes').items()) readNote(host, note)
  const memory = root.at('memory')
  for (const run of memory.at('used').items()) {
    const [start = 0, count = 0, lpid = 0] = run.numbers(3)
    const fits = lpid >= 1 && lpid <= LPID_MAX
    if (!fits || !host.ram.claimRun(asFrame(start), count, asLpid(lpid))) {
      run.refuse('is no run of free frames for an LPID')
    }
  }
  for (const field of memory.at('contents').items()) {
    const content = readContent(field, host.ram.size)
    if (content !== undefined) host.ram.restore(content)
  }
}

function readNote({ devices }: Host, field: JsonField): void {
  const pfn = asDevicePfn(field.at('pfn').integer(0, Math.max(0, devices.pool.size - 1)))
  const gpa = field.has('gpa') ? field.at('gpa').integer(0, gpaMax) : undefined
  const skipPageOut = field.has('skipPageOut') && field.at('skipPageOut').flag()
  const removeGfn = field.has('removeGfn') && field.at('removeGfn').flag()
  devices.setNote(pfn, {
    ...(gpa === undefined ? {} : { gpa: asGpa(gpa) }),
    ...(skipPageOut ? { skipPageOut } : {}),
    ...(removeGfn ? { removeGfn } : {}),
  })
}

function addVm(host: Host, field: JsonField): void {
  const vm = readVm(field)
  if (vm === undefined) return
  if (host.vms.has(vm.lpid)) field.at('lpid').refuse('is the LPID of another VM')
  else host.vms.set(vm.lpid, vm)
}

/** What the parts of a snapshot say against each other. */
function inconsistency(host: Host): string | undefined {
  const [first] = unexplained(violationsOf(host))
  if (first === undefined) return undefined
  const { invariant, ...where } = first
  const place = Object.entries(where).map(([name, value]) => `${name} ${value}`)
  return `the parts do not fit together: ${invariant} is broken at ${place.join(', ')}`
}
