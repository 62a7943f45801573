/**
 * A host with one VM, driven by short lines, so that a test's table reads like a story.
 *
 *   create 2 0:0+4             another VM (LPID 2) with slot 0 of 4 pages at GFN 0
 *   page_in 3 flags 1 order 12 a hypercall on GFN 3; `gpa 0x30001` instead of a GFN
 *   share 3                    page_in with H_PAGE_IN_SHARED
 *   page_out 3 !-4             the ultravisor answers the first call with -4, all others with 0
 *   touch 3 oom                no normal frame is left for a page-out
 *   init_done outside          MSR[S] is 0
 *   2: touch 3                 by or on the VM with LPID 2
 */
import { asLpid } from '../../src/abi/page.ts'
import { type Hypercalls, perform } from '../../src/lab/recordings/hv-operations.ts'
import { describeHost } from '../../src/lab/recordings/hv-state.ts'
import type { HvOp, RecordedUcall } from '../../src/lab/recordings/hv-trace.ts'
import { type Host, newHost, type Vm } from '../../src/uvmem/host.ts'
import { HV_PROFILES, type HvProfile, type HvProfileName } from '../../src/uvmem/profile.ts'

export interface WorldOptions {
  /** `linux-6` unless said otherwise. */
  readonly profile?: HvProfileName | HvProfile
  /** Device PFNs. */
  readonly pool?: number
  /** Frames of normal memory. */
  readonly frames?: number
  /** `id:base+pages` of each slot, with a space between. */
  readonly slots?: string
  /** GFNs that the host has touched before. */
  readonly touched?: readonly number[]
  readonly radix?: boolean
  readonly svmEnabled?: boolean
  readonly notifies?: boolean
  /** What serves hypercalls in place of the core. */
  readonly hypercalls?: Hypercalls
  /** A host that is there already, with its VMs. */
  readonly host?: Host
  /** Lines run first. */
  readonly after?: readonly string[]
}

/** What a line came to. */
export interface Told {
  readonly ret: number
  readonly calls: readonly string[]
  /** The function of the real code that refused. */
  readonly source: string | undefined
  readonly fault: string | undefined
}

export class World {
  readonly host: Host
  readonly #hypercalls: Hypercalls | undefined

  constructor(options: WorldOptions = {}) {
    const { profile = 'linux-6', pool = 16, frames = 1_000, notifies = false } = options
    this.#hypercalls = options.hypercalls
    this.host =
      options.host ??
      newHost({
        profile: typeof profile === 'string' ? HV_PROFILES[profile] : profile,
        poolSize: pool,
        frames,
        notifiesMigrations: notifies,
      })
    const { slots = '0:0+4', touched = [], radix = true, svmEnabled = true } = options
    if (options.host !== undefined) return
    this.#perform({ op: 'create', lpid: 1, radix, svm_enabled: svmEnabled, slots: slotsOf(slots) })
    for (const gfn of touched) this.do(`touch ${gfn}`)
    for (const line of options.after ?? []) this.do(line)
  }

  do(line: string): Told {
    const { op, script } = parseLine(line)
    return this.#perform(op, script)
  }

  vm(lpid = 1): Vm {
    const vm = this.host.vms.get(asLpid(lpid))
    if (vm === undefined) throw new Error(`there is no VM ${lpid}`)
    return vm
  }

  /** Everything, in the words of the recordings. */
  get all(): Readonly<Record<string, string | number>> {
    return Object.fromEntries(describeHost(this.host))
  }

  /** The frames' states of VM 1, slot by slot. */
  get g(): string {
    return this.#slots('g')
  }

  /** What the host maps for VM 1, slot by slot. */
  get h(): string {
    return this.#slots('h')
  }

  get flags(): number {
    return this.vm().secureGuest
  }

  get used(): string {
    return String(this.all['used'])
  }

  #slots(what: string): string {
    const { all } = this
    return [...this.vm().slots].map((slot) => all[`vm1.s${slot.id}.${what}`]).join('/')
  }

  #perform(op: HvOp, script: readonly number[] = []): Told {
    const { ret, calls, vm } = perform(this.host, { op, ucall_script: script }, this.#hypercalls)
    const texts = calls.map((call) => callText(call, op.lpid))
    return { ret, calls: texts, source: vm?.reason?.source, fault: vm?.fault?.kind }
  }
}

const slotsOf = (text: string) =>
  text
    .split(' ')
    .filter((each) => each !== '')
    .map((each) => {
      const [id = 0, base = 0, npages = 0] = each.split(/[:+]/).map(Number)
      return { id, base, npages, touched: 0 }
    })

const hex = (value: number | undefined): string => `0x${(value ?? -1).toString(16)}`
const frame = (ra: number | undefined): string => `ra${(ra ?? -1) / 65_536}`

/** A call as text; what is always the same (LPID, flags, order) is shown only when it is not. */
function callText({ name, args, via }: RecordedUcall, lpid: number): string {
  const [to, a, b, flags, last] = args
  const prefix = to === lpid ? '' : `${to}: `
  const suffix = via === undefined ? '' : ` via ${via}`
  switch (name) {
    case 'uv_page_in':
      return `${prefix}UV_PAGE_IN ${frame(a)} to ${hex(b)}${odd(flags, last)}`
    case 'uv_page_out':
      return `${prefix}UV_PAGE_OUT ${hex(b)} to ${frame(a)}${odd(flags, last)}`
    case 'uv_register_mem_slot':
      return `${prefix}UV_REGISTER_MEM_SLOT ${last} ${hex(a)}+${hex(b)}${odd(flags, 16)}`
    case 'uv_unregister_mem_slot':
      return `${prefix}UV_UNREGISTER_MEM_SLOT ${a}`
    case 'uv_page_inval':
      return `${prefix}UV_PAGE_INVAL ${hex(a)}${odd(0, b)}${suffix}`
    case 'uv_svm_terminate':
      return `${prefix}UV_SVM_TERMINATE`
    default:
      return `${prefix}${name} ${args.join(' ')}`
  }
}

const odd = (flags: number | undefined, order: number | undefined): string =>
  (flags === 0 ? '' : ` flags ${flags}`) + (order === 16 ? '' : ` order ${order}`)

/** The field that a line's first bare numbers stand for. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  page_in: ['page'],
  share: ['page'],
  page_out: ['page'],
  touch: ['gfn'],
  pin: ['gfn'],
  unpin: ['gfn'],
  unmap: ['gfn'],
  guest_fault: ['gfn'],
  remove_slot: ['id'],
  flush_slot: ['id'],
  vma_unmap: ['id'],
  vma_map: ['id'],
  ksm_fail: ['id', 'err'],
}

const NAMES: Readonly<Record<string, string>> = { touch: 'host_touch', share: 'page_in' }
const PAGE_CALL = /^(page_in|share|page_out)$/

function parseLine(line: string): { op: HvOp; script: readonly number[] } {
  const [, by, rest = ''] = /^(?:(\d+): )?(.*)$/.exec(line) ?? []
  const words = rest.split(' ')
  const name = words.shift() ?? ''
  const lpid = Number(by ?? 1)
  const fields: Record<string, unknown> = {}
  const script = takeScript(words)
  fields['msr_s'] = !take(words, 'outside')
  fields['munmap'] = !take(words, 'keep')
  if (take(words, 'oom')) fields['oom'] = true
  if (name === 'create') return { op: createOp(words), script }
  if (name === 'add_slot') return { op: { op: name, lpid, ...slotsOf(words.join(' '))[0] }, script }
  if (PAGE_CALL.test(name)) Object.assign(fields, { flags: name === 'share' ? 1 : 0, order: 16 })
  for (const field of FIELDS[name] ?? []) {
    if (/^-?\d+$/.test(words[0] ?? '')) fields[field] = Number(words.shift())
  }
  if (fields['page'] !== undefined) fields['gpa'] = Number(fields['page']) * 65_536
  while (words.length > 0) fields[words.shift() ?? ''] = Number(words.shift())
  return { op: { op: NAMES[name] ?? name, lpid, ...fields }, script }
}

function createOp(words: readonly string[]): HvOp {
  const slots = slotsOf(words.slice(1).join(' '))
  return { op: 'create', lpid: Number(words[0]), radix: true, svm_enabled: true, slots }
}

function takeScript(words: string[]): readonly number[] {
  const at = words.findIndex((word) => word.startsWith('!'))
  const [script = '!'] = at < 0 ? [] : words.splice(at, 1)
  return script === '!' ? [] : script.slice(1).split(',').map(Number)
}

function take(words: string[], word: string): boolean {
  const at = words.indexOf(word)
  if (at >= 0) words.splice(at, 1)
  return at >= 0
}
