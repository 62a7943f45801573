/** What a server begins with: VMs, images, a seed file, fault rules. */
import { dirname, resolve } from 'node:path'
import { FaultFile, type FaultRule } from '../../schemas/faults.ts'
import { SeedFile } from '../../schemas/seed.ts'
import { applySeed, type LoadImage } from '../hv/state-seed.ts'
import type { App } from '../server/app.ts'
import type { ServerOptions } from './hv-options.ts'
import { CommandError, ExitCode } from './io.ts'
import { readJsonFile } from './json-file.ts'
import { loadImages, makeVms, parseImage, parseVm, vmsFor } from './start-vms.ts'

/** Everything that can be told before there is a server. */
export interface Beginning {
  readonly vms: readonly ReturnType<typeof parseVm>[]
  readonly images: readonly ReturnType<typeof parseImage>[]
  readonly seed: SeedFile | undefined
  /** Where relative paths of the seed begin. */
  readonly seedFolder: string
  readonly faults: readonly FaultRule[]
}

export function readBeginning(options: ServerOptions): Beginning {
  const { seedFile, faults } = options
  return {
    vms: options.vm.map(parseVm),
    images: options.load.map(parseImage),
    seed: seedFile === undefined ? undefined : readJsonFile(SeedFile, seedFile, '--seed-file'),
    seedFolder: dirname(seedFile ?? '.'),
    faults: faults === undefined ? [] : readJsonFile(FaultFile, faults, '--faults').rules,
  }
}

/** Fault rules are not part of a state: they are added whether one was loaded or not. */
export function addFaults({ inspected }: App, { faults }: Beginning): void {
  for (const rule of faults) {
    if (inspected.faults.add(rule) === undefined) {
      throw new CommandError('--faults: there are more rules than the host takes')
    }
  }
}

/** Throws a CommandError when something cannot be done. */
export async function begin(app: App, { vms, images, seed, seedFolder }: Beginning) {
  if (seed !== undefined) {
    const load = loader(app, seedFolder)
    const why = await applySeed(seed, app.vmm, app.inspected.faults, load)
    if (why !== undefined) throw new CommandError(`--seed-file: ${why}`, ExitCode.Failed)
  }
  const seeded = [...app.hv.host.vms.keys()].map((lpid) => ({ lpid, slots: [] }))
  await makeVms(app, [...vms, ...(await vmsFor(images, [...vms, ...seeded]))])
  await loadImages(app, images)
}

const loader =
  (app: App, folder: string): LoadImage =>
  async (lpid, gpa, path) => {
    try {
      await loadImages(app, [{ lpid, gpa, path: resolve(folder, path) }])
      return undefined
    } catch (error) {
      if (error instanceof CommandError) return error.message
      throw error
    }
  }
