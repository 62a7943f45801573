/** What the hypervisor says, whatever it is written in. */

/** Something that the hypervisor has said, in either subprotocol. */
export type Said =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly parent: number
      readonly method: string
      /** As `0x…`. */
      readonly ra: string | undefined
      /** Of the page that comes with it. */
      readonly tag: bigint | undefined
    }
  | { readonly kind: 'answer'; readonly id: number; readonly ret: number }
  | {
      readonly kind: 'error'
      /** 0 for none. */
      readonly id: number
      readonly code: number
      readonly message: string
      readonly data: Readonly<Record<string, unknown>>
    }
