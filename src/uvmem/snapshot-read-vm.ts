/** A VM as a snapshot has it. */
import { asFrame, asGfn, asLpid, asSlotId, LPID_MAX, SLOT_ID_MAX } from '../abi/page.ts'
import type { JsonField } from '../lib/json-field.ts'
import { isSecureWord, StateWord } from './frame-state.ts'
import { FaultKind, newVm, type Vm } from './host.ts'
import { hostFramesMax } from './host-ram.ts'
import { isDevicePte, newRegion, type Region } from './mem-slots.ts'
import { readContent, readWords } from './snapshot-read-content.ts'

/** GFNs go up to here: a GPA has 64 bits. */
const gfnsMax = 2 ** 48
/** Pages of a slot that a snapshot may have, at most. */
const slotPagesMax = hostFramesMax
const WORD_MAX = 0xffff_ffff

const isStateWord = (word: number): boolean =>
  word <= StateWord.PagedOut || (isSecureWord(word) && word <= WORD_MAX)
const isPte = (word: number): boolean =>
  word <= hostFramesMax || (isDevicePte(word) && word <= WORD_MAX)

/** `undefined` when the field is wrong. */
export function readVm(field: JsonField): Vm | undefined {
  const lpid = asLpid(field.at('lpid').integer(1, LPID_MAX))
  const vm = newVm(lpid, field.at('radix').flag(), field.at('svmEnabled').flag())
  vm.secureGuest = field.at('secureGuest').integer(0, 3)
  for (const slot of field.at('slots').items()) readSlot(vm, slot)
  for (const slot of field.at('uvmem').items()) readUvmemSlot(vm, slot)
  vm.kept.push(...field.at('kept').items().map(readRegion))
  for (const pin of field.at('pins').items()) {
    const [gfn = 0, frame = 0] = pin.numbers(2)
    if (gfn >= gfnsMax || frame < 1 || frame > hostFramesMax) pin.refuse('is no GFN and its frame')
    else vm.pins.add(asGfn(gfn), asFrame(frame))
  }
  if (!field.at('fault').isNull()) {
    const kind = field.at('fault').at('kind').oneOf(Object.values(FaultKind))
    const message = field.at('fault').at('message').text()
    if (kind !== undefined) vm.fault = { kind, message }
  }
  return field.fault === undefined ? vm : undefined
}

function readSlot(vm: Vm, field: JsonField): void {
  const id = asSlotId(field.at('id').integer(0, SLOT_ID_MAX))
  const base = asGfn(field.at('base').integer(0, gfnsMax))
  const region = readRegion(field.at('region'))
  const { pages } = region
  if (vm.slots.get(id) !== undefined) field.at('id').refuse('is the id of another slot')
  else if (vm.slots.overlaps(base, pages)) field.at('base').refuse('overlaps another slot')
  else vm.slots.add({ id, base, pages, region })
}

function readUvmemSlot(vm: Vm, field: JsonField): void {
  const base = asGfn(field.at('base').integer(0, gfnsMax))
  const count = field.at('count').integer(1, slotPagesMax)
  const words = readWords(field.at('words'), count, isStateWord)
  if (field.fault === undefined) vm.uvmem.insert({ base, count, words })
}

function readRegion(field: JsonField): Region {
  const pages = field.at('pages').integer(1, slotPagesMax)
  const region = newRegion(asSlotId(field.at('slotId').integer(0, SLOT_ID_MAX)), pages)
  region.mapped = field.at('mapped').flag()
  region.ksmError = field.at('ksmError').integer(-(2 ** 31), 2 ** 31 - 1)
  region.ptes = readWords(field.at('ptes'), pages, isPte)
  for (const item of field.at('swap').items()) {
    const content = readContent(item, pages - 1)
    if (content !== undefined && 'page' in content) region.swap.set(content.at, content.page)
    else item.refuse('must be one page')
  }
  return region
}
