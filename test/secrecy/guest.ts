/**
 * A guest with secrets: it turns secure, writes marks into its memory, and lets its pages go out, come
 * in, be shared and be taken back, while the hypervisor looks on. It reads back what it wrote.
 */
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { type Gfn, gfnAt, gpaOf, type Lpid, PAGE_SHIFT, PAGE_SIZE } from '../../src/abi/page.ts'
import type { Prng } from '../../src/lib/prng.ts'
import { type Image, imageOf } from '../../src/load/image.ts'
import { loadGuest } from '../../src/peer/guest-load.ts'
import type { HvRest } from '../../src/peer/hv-rest.ts'
import { nodeCipher } from '../../src/peer/node-cipher.ts'
import { UvClient } from '../../src/peer/uv-client.ts'
import { UV_CODECS, type UvProtocol } from '../../src/peer/uv-protocol.ts'
import type { UvSvm } from '../../src/peer/uv-svm.ts'
import { connectWs } from '../../src/peer/ws-transport.ts'
import type { PageCipher } from '../../src/ultravisor/page-crypto.ts'
import type { UvProfileName } from '../../src/ultravisor/profile.ts'
import type { ContentMode } from '../../src/ultravisor/svm.ts'
import type { MarkKind, Marks } from './marks.ts'
import type { Place } from './place.ts'

/** Pages of a guest's memory. */
export const GUEST_PAGES = 96
const CHURN = 16

export interface GuestWish {
  readonly lpid: Lpid
  readonly protocol: UvProtocol
  readonly content: ContentMode
  readonly profile: UvProfileName
  /** Another cipher than the ultravisor's own: for one that leaks. */
  readonly cipher?: PageCipher
}

/** What a guest works with. */
export interface GuestPorts {
  readonly uv: string
  readonly rest: HvRest
  readonly marks: Marks
  readonly random: Prng
  /** The wire's two directions are searched as they are used. */
  readonly up: Place
  readonly down: Place
  /** Told what the ultravisor answers to UV_PAGE_IN. */
  readonly pageIn?: (ret: number) => void
}

export class SecretGuest {
  readonly lpid: Lpid
  readonly svm: UvSvm
  readonly client: UvClient
  readonly #content: ContentMode
  readonly #ports: GuestPorts
  readonly #image: Image
  /** What each frame holds, by the number of its mark. */
  readonly #written = new Map<Gfn, number>()
  #number = 0

  private constructor(client: UvClient, wish: GuestWish, ports: GuestPorts) {
    this.lpid = wish.lpid
    this.client = client
    this.svm = client.svm(wish.lpid)
    this.#content = wish.content
    this.#ports = ports
    const image = imageOf(GUEST_PAGES, wish.lpid)
    if (typeof image === 'string') throw new Error(image)
    this.#image = image
  }

  /** Connects, makes the VM, loads it and turns it secure. */
  static async start(wish: GuestWish, ports: GuestPorts): Promise<SecretGuest> {
    const client = await tappedClient(wish, ports)
    await client.open()
    const guest = new SecretGuest(client, wish, ports)
    const slots = [{ id: 0, gpa: 0, size: GUEST_PAGES * PAGE_SIZE }]
    await ports.rest.call('createVm', { body: { lpid: wish.lpid, slots } })
    await guest.boot()
    return guest
  }

  /** Pages that the hypervisor moved for it so far. */
  get moves(): number {
    const { pagesTaken, pagesGiven } = this.svm.counts
    return pagesTaken + pagesGiven
  }

  /** A frame behind the guest's own. */
  get frame(): Gfn {
    return this.#frames(1)[0] ?? this.#image.free
  }

  /** The first frame behind the guest's own. */
  get firstFrame(): Gfn {
    return this.#image.free
  }

  /** Whatever it holds may be seen until then: it is not secure yet. */
  async boot(): Promise<void> {
    const { rest, marks } = this.#ports
    const { guest, files, free } = this.#image
    this.#written.clear()
    const normal = this.#content === 'tag' ? marks.tag('normal', 1) : marks.page('normal', 1)
    await rest.write(this.lpid, gpaOf(free), normal)
    await loadGuest(rest, this.lpid, guest, files)
    const { kernelBase, fdtGpa: tree } = guest
    const end = await this.svm.esm({ kernelBase, tree, strategy: 'all' })
    if (end.kind !== 'SECURE') throw new Error(`the guest is not secure: ${JSON.stringify(end)}`)
  }

  async reboot(): Promise<void> {
    await this.#ports.rest.call('resetVm', { path: { lpid: this.lpid } })
    await this.boot()
  }

  /** Secrets are written, paged out and read back. */
  async churn(): Promise<void> {
    const frames = this.#frames(CHURN)
    for (const gfn of frames) await this.write(gfn, 'secret')
    await Promise.all(frames.map((gfn) => this.pageOut(gfn)))
    await Promise.all(frames.map((gfn) => this.check(gfn, 'secret')))
  }

  /** A page with a secret is shared, used by both sides, and taken back. */
  async share(): Promise<void> {
    const [gfn = this.#image.free] = this.#frames(1)
    await this.write(gfn, 'secret')
    if (this.#ports.random.int(2) === 0) await this.pageOut(gfn)
    await this.expose(gfn, 'shared')
    await this.conceal(gfn)
  }

  /** Shares a frame and writes a mark of that kind there, for the hypervisor to see. */
  async expose(gfn: Gfn, kind: MarkKind): Promise<void> {
    expectRet(await this.svm.sharePages(gfn, 1), 'UV_SHARE_PAGE')
    await this.write(gfn, kind)
    await this.check(gfn, kind)
  }

  async conceal(gfn: Gfn): Promise<void> {
    expectRet(await this.svm.unsharePages(gfn, 1), 'UV_UNSHARE_PAGE')
    this.#written.delete(gfn)
    const end = await this.svm.load(gpaOf(gfn), 16)
    if (end.kind !== 'OK' || end.bytes.some((byte) => byte !== 0)) throw new Error('not zeros')
  }

  /** The host reads a page that holds a secret, through REST. */
  async touch(): Promise<void> {
    const [gfn = this.#image.free] = this.#frames(1)
    await this.write(gfn, 'secret')
    await this.#ports.rest.call('touchFrame', { path: { lpid: this.lpid, gfn } })
    await this.check(gfn, 'secret')
  }

  /** H_SVM_PAGE_OUT, as when the ultravisor runs out of secure memory. */
  pageOut(gfn: Gfn): Promise<void> {
    const body = { call: 'H_SVM_PAGE_OUT', gpa: gpaOf(gfn), flags: 0, order: PAGE_SHIFT } as const
    return callOf(this.client, { ...body, lpid: this.lpid })
  }

  /** Frames in a row, drawn at random. */
  #frames(count: number): readonly Gfn[] {
    const { free, freeCount } = this.#image
    const first = gfnAt(free, this.#ports.random.int(freeCount - count + 1))
    return Array.from({ length: count }, (_, i) => gfnAt(first, i))
  }

  #markOf(kind: MarkKind, number: number): Uint8Array {
    const { marks } = this.#ports
    return this.#content === 'tag' ? marks.tag(kind, number) : marks.page(kind, number)
  }

  /** Stores a new mark. */
  async write(gfn: Gfn, kind: MarkKind): Promise<void> {
    this.#number++
    const end = await this.svm.store(gpaOf(gfn), this.#markOf(kind, this.#number))
    if (end.kind !== 'OK') throw new Error(`a store ends with ${JSON.stringify(end)}`)
    this.#written.set(gfn, this.#number)
  }

  /** Throws unless the frame holds its mark. */
  async check(gfn: Gfn, kind: MarkKind): Promise<void> {
    const wanted = this.#markOf(kind, this.#written.get(gfn) ?? 0)
    const end = await this.svm.load(gpaOf(gfn), wanted.length)
    if (end.kind !== 'OK' || Buffer.compare(end.bytes, wanted) !== 0)
      throw new Error(`GFN ${gfn} of ${this.lpid} is not what was written: ${end.kind}`)
  }
}

const expectRet = (end: { readonly kind: string; readonly ret?: number }, what: string): void => {
  if (end.kind !== 'RET' || end.ret !== 0) throw new Error(`${what}: ${JSON.stringify(end)}`)
}

export function callOf(client: UvClient, body: UpCall): Promise<void> {
  return new Promise((resolve, reject) => {
    client.app.call(body, (outcome) => {
      if (outcome.kind === 'answer' && outcome.ret === 0) resolve()
      else reject(new Error(`${body.call}: ${JSON.stringify(outcome)}`))
    })
  })
}

/** A client whose messages are searched in both directions, as they are on the wire. */
async function tappedClient(wish: GuestWish, ports: GuestPorts): Promise<UvClient> {
  let client: UvClient | undefined
  const { protocol, profile, content: contentMode } = wish
  const transport = await connectWs({
    url: ports.uv,
    subprotocol: UV_CODECS[protocol]().subprotocol,
    receive: (data) => {
      ports.down.look(data)
      client?.receive(data)
    },
    failed: (error) => client?.lose(String(error)),
    ended: ({ sentence }) => client?.lose(sentence),
  })
  const tapped = {
    get bufferedAmount() {
      return transport.bufferedAmount
    },
    send: (data: string | Uint8Array, sent?: () => void) => {
      ports.up.look(data)
      transport.send(data, sent)
    },
    close: (code: number, reason: string) => transport.close(code, reason),
  }
  const name = `guest ${wish.lpid}`
  const watch = {
    ultracall: (call: DownCall, ret: number) => {
      if (call.call === 'UV_PAGE_IN') ports.pageIn?.(ret)
    },
  }
  const cipher = wish.cipher ?? nodeCipher
  client = new UvClient(tapped, { name, protocol, profile, contentMode, watch, cipher })
  return client
}
