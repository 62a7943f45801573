/**
 * The guest's own device tree, with what the ultravisor reads of it and little more.
 *
 * Source: QEMU hw/ppc/spapr.c and Linux prom_init.c for the nodes; the ultravisor's svm/svm-esm.c
 * and svm/svm-fdt.c for what must be in it. Two cells for addresses, two for sizes.
 */

import type { FdtNode } from '../formats/fdt.ts'
import { fdtNode, textValue, u32Value, u64Value, writeFdt } from '../formats/fdt-write.ts'
import type { BlobPlace } from './esm-blob.ts'
import { type GuestSlot, type Layout, type PartSizes, sortedSlots } from './layout.ts'
import { RTAS_TEXT } from './rtas-text.ts'

export interface TreeInput {
  readonly bootargs: string
  readonly slots: readonly GuestSlot[]
  readonly layout: Layout
  readonly sizes: PartSizes
  readonly blobPlace: BlobPlace
}

/** POWER9's time base, in Hz. */
const TIMEBASE_HZ = 512_000_000

/** The tree's bytes; their number does not depend on the layout. */
export function guestTree(input: TreeInput): Uint8Array | string {
  const { layout, sizes } = input
  const rtas = fdtNode('rtas', {
    'linux,rtas-base': u32Value(layout.rtas),
    'linux,rtas-entry': u32Value(layout.rtas),
    'rtas-size': u32Value(sizes.rtas),
    'slof,rtas-size': u32Value(RTAS_TEXT.length),
  })
  const memory = sortedSlots(input.slots).map(memoryNode)
  const top = {
    '#address-cells': u32Value(2),
    '#size-cells': u32Value(2),
    model: textValue('IBM pSeries (emulated by uvmem)'),
    compatible: textValue('qemu,pseries'),
    device_type: textValue('chrp'),
  }
  const root = fdtNode('', top, [chosenNode(input), rtas, ...memory, cpusNode()])
  const reservations = [
    { address: layout.rtas, size: sizes.rtas },
    { address: layout.blob, size: sizes.blob },
    { address: layout.initrd, size: sizes.initrd },
  ]
  return writeFdt({ root, bootCpuId: 0, reservations })
}

function chosenNode({ bootargs, layout, sizes, blobPlace }: TreeInput): FdtNode {
  // An archive with the blob in front of the initrd is, to the guest, part of its initrd.
  const initrdStart = blobPlace === 'cpio' ? layout.blob : layout.initrd
  const values: Record<string, Uint8Array> = {
    bootargs: textValue(bootargs),
    'linux,initrd-start': u64Value(initrdStart),
    'linux,initrd-end': u64Value(layout.initrd + sizes.initrd),
  }
  if (blobPlace === 'tree') {
    values['linux,esm-blob-start'] = u32Value(layout.blob)
    values['linux,esm-blob-end'] = u32Value(layout.blob + sizes.blob)
  }
  return fdtNode('chosen', values)
}

const memoryNode = ({ start, size }: GuestSlot): FdtNode =>
  fdtNode(`memory@${start.toString(16)}`, {
    device_type: textValue('memory'),
    reg: u64Value(start, size),
  })

function cpusNode(): FdtNode {
  const cpu = fdtNode('PowerPC,POWER9@0', {
    device_type: textValue('cpu'),
    reg: u32Value(0),
    'timebase-frequency': u32Value(TIMEBASE_HZ),
    'ibm,ppc-interrupt-server#s': u32Value(0),
  })
  return fdtNode('cpus', { '#address-cells': u32Value(1), '#size-cells': u32Value(0) }, [cpu])
}
