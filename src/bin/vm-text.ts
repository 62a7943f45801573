/** VMs as people read them. */
import type { z } from 'zod'
import type { SlotFacts } from '../../schemas/rest/slot.ts'
import type { VmFacts } from '../../schemas/rest/vm.ts'
import { PAGE_SIZE } from '../abi/page.ts'
import { sizeText } from './size.ts'
import { type Column, factsText, tableText } from './table.ts'

type Vm = z.output<typeof VmFacts>
type Slot = z.output<typeof SlotFacts>

const VM_COLUMNS: readonly Column[] = [
  { title: 'LPID', right: true },
  { title: 'STATE' },
  { title: 'MEMORY', right: true },
  { title: 'SLOTS', right: true },
  { title: 'CALLS', right: true },
  { title: 'SESSION' },
  { title: 'NOTES' },
]

/** What is out of the ordinary. */
const notesOf = ({ fault, orphaned, radix, svm_enabled }: Vm): string =>
  [
    ...(fault === null ? [] : [`stopped: ${fault.kind}`]),
    ...(orphaned ? ['orphaned'] : []),
    ...(radix ? [] : ['hash']),
    ...(svm_enabled ? [] : ['cannot turn secure']),
  ].join(', ')

export const vmTable = (vms: readonly Vm[]): string =>
  tableText(
    VM_COLUMNS,
    vms.map((vm) => [
      vm.lpid,
      vm.state,
      sizeText(vm.frames * PAGE_SIZE),
      vm.slots,
      vm.operations,
      vm.session ?? '-',
      notesOf(vm),
    ]),
  )

const SLOT_COLUMNS: readonly Column[] = [
  { title: 'SLOT', right: true },
  { title: 'GPA', right: true },
  { title: 'SIZE', right: true },
  { title: 'PAGES', right: true },
  { title: 'NOTES' },
]

export const slotTable = (slots: readonly Slot[]): string =>
  tableText(
    SLOT_COLUMNS,
    slots.map(({ id, gpa, size, pages, mapped, ksm_error }) => [
      id,
      gpa,
      sizeText(Number(size)),
      pages,
      [
        ...(mapped ? [] : ['not mapped']),
        ...(ksm_error === 0 ? [] : [`KSM error ${ksm_error}`]),
      ].join(', '),
    ]),
  )

/** Everything about one VM. `counts` are its frames by state. */
export function vmText(
  vm: Vm,
  slots: readonly Slot[],
  counts: Readonly<Record<string, number>>,
): string {
  const states = Object.entries(counts).filter(([, count]) => count > 0)
  const facts = factsText([
    ['LPID', vm.lpid],
    ['state', vm.state],
    ['served by', vm.session ?? (vm.orphaned ? 'nobody: its ultravisor is gone' : 'nobody yet')],
    ['memory', `${sizeText(vm.frames * PAGE_SIZE)} (${vm.frames} pages)`],
    ['frames', states.map(([state, count]) => `${count} ${state}`).join(', ') || 'none'],
    ['pinned', vm.pinned],
    ['uvmem slots', vm.uvmem_slots],
    ['operations', vm.operations],
    ['page tables', vm.radix ? 'radix' : 'hash'],
    ['may turn secure', vm.svm_enabled ? 'yes' : 'no'],
    ...(vm.fault === null ? [] : [['stopped', `${vm.fault.kind}: ${vm.fault.message}`] as const]),
  ])
  return slots.length === 0 ? facts : `${facts}\n${slotTable(slots)}`
}
