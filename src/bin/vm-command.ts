/** `uvmem vm`: the VMs of a running server, from a shell. */
import type { Command } from 'commander'
import { z } from 'zod'
import type { Lpid } from '../abi/page.ts'
import { PAGE_SIZE } from '../abi/page.ts'
import { type Given, type HvRest, RestError } from '../peer/hv-rest.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { flag, list, option, own } from './option.ts'
import {
  lpidWord,
  REST_HELP,
  REST_OPTIONS,
  RestOptions,
  serveCommand,
  writeJson,
} from './rest-access.ts'
import { parseSize } from './size.ts'
import { vmTable, vmText } from './vm-text.ts'

const EXAMPLES = `
Examples:
  uvmem vm ls
  uvmem vm create 7 --slot 2GiB --slot 512MiB
  uvmem vm show 7 --json | jq .frames
  uvmem vm rm 7 8
${REST_HELP}`

/** VMs in one answer. */
const VMS_PER_ANSWER = 1_000

const WISH = own({
  slot: option(
    list('memory slots').default([]),
    'a memory slot of that size, behind the ones before it',
    { kind: 'list', value: 'size' },
  ),
  radix: option(flag('radix').default(true), 'hash page tables instead with --no-radix', {
    kind: 'flag',
  }),
  svm: option(flag('svm').default(true), 'a VM that may not turn secure with --no-svm', {
    kind: 'flag',
  }),
})
export const CreateOptions = z.strictObject({ ...REST_OPTIONS, ...WISH })
type CreateOptions = z.output<typeof CreateOptions>

export function register(program: Command, io: Io): void {
  const vm = program.command('vm').description('List, show, make and remove VMs of a server')
  vm.addHelpText('after', EXAMPLES)
  const part = (name: string, about: string): Command =>
    vm.command(name).description(about).addHelpText('after', EXAMPLES)
  serveCommand(part('ls', 'List all VMs'), RestOptions, io, listVms)
  const show = part('show', 'Show one VM').argument('<lpid>', 'its LPID', lpidWord)
  serveCommand(show, RestOptions, io, showVm)
  const create = part('create', 'Make a VM').argument('[lpid]', 'a free one', lpidWord)
  serveCommand(create, CreateOptions, io, createVm)
  const lpids = (word: string, before: readonly Lpid[] | undefined) => [
    ...(before ?? []),
    lpidWord(word),
  ]
  const remove = part('rm', 'Remove VMs').argument('<lpid...>', 'their LPIDs', lpids)
  serveCommand(remove, RestOptions, io, removeVms)
}

async function listVms(rest: HvRest, { json }: RestOptions, io: Io): Promise<void> {
  const vms: Given<'listVms'>['vms'] = []
  for (let after: number | null = 0; after !== null; ) {
    const query = { after, limit: VMS_PER_ANSWER }
    const page: Given<'listVms'> = await rest.call('listVms', { query })
    vms.push(...page.vms)
    after = page.next
  }
  if (json) writeJson(io, { vms })
  else io.out.write(vmTable(vms))
}

async function showVm(rest: HvRest, { json }: RestOptions, io: Io, lpid: Lpid): Promise<void> {
  const path = { lpid }
  const vm = await rest.call('getVm', { path })
  const { slots } = await rest.call('listSlots', { path })
  const frames = await rest.call('countFrames', { path })
  if (json) writeJson(io, { vm, slots, frames })
  else io.out.write(vmText(vm, slots, frames))
}

async function createVm(
  rest: HvRest,
  options: CreateOptions,
  io: Io,
  lpid: Lpid | undefined,
): Promise<void> {
  const slots = options.slot.flatMap((text) => text.split(',')).map(slotOf)
  const body = { radix: options.radix, svm_enabled: options.svm, slots }
  const vm = await rest.call('createVm', {
    body: lpid === undefined ? body : { ...body, lpid },
  })
  if (options.json) writeJson(io, vm)
  else io.out.write(vmTable([vm]))
}

function slotOf(text: string): { readonly size: number } {
  const size = parseSize(text)
  if (Number.isSafeInteger(size / PAGE_SIZE) && size > 0) return { size }
  throw new CommandError(`--slot ${JSON.stringify(text)}: expected a size in whole 64 KiB pages`)
}

/** Removes what it can; one that stays does not keep the others. */
async function removeVms(
  rest: HvRest,
  { json }: RestOptions,
  io: Io,
  lpids: readonly Lpid[],
): Promise<void> {
  const ends: { lpid: Lpid; code: number; name: string }[] = []
  const stayed: string[] = []
  for (const lpid of lpids) {
    try {
      ends.push({ lpid, ...(await rest.call('deleteVm', { path: { lpid } })) })
    } catch (error) {
      if (!(error instanceof RestError)) throw error
      stayed.push(error.message)
    }
  }
  if (json) writeJson(io, { removed: ends })
  else for (const { lpid, name } of ends) io.out.write(`LPID ${lpid} is removed: ${name}\n`)
  if (stayed.length > 0) throw new CommandError(stayed.join('\n'), ExitCode.Failed)
}
