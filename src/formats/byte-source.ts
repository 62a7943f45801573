/** Where the bytes of a file come from: its reader lives above this floor. */

export interface ByteSource {
  /** Bytes in the file. */
  readonly size: number
  /**
   * The `length` bytes from `offset`; the caller stays within `size`. The bytes may be a view that
   * is valid until the next read.
   */
  readonly read: (offset: number, length: number) => Uint8Array
}

/** A source over bytes that are in memory already. */
export const sourceOf = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
})
