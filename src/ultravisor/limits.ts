/** Every limit of the ultravisor core, in one place. */

export const UV_LIMITS = {
  /**
   * GFNs that page-in tracking remembers during ESM: a bitmap of 64 KiB.
   *
   * DIFF: the public source of the firmware takes a bitmap of one 2 MiB page (16,777,216 GFNs), and
   * writes beyond its end for a GFN above that; here such a GFN is not remembered, and asked for
   * again.
   */
  trackedGfnsMax: 524_288,
  /** Tries at a page-in before a share is given up. Source: page_share_with_hv(). */
  pageInTriesMax: 4,
  /** Times that one guest load or store may fault on one page before it is given up. */
  accessFaultsMax: 8,
  /** Bytes of one guest load or store. */
  accessBytesMax: 16_777_216,
  /** Requests that one array of a plan holds. */
  windowRequestsMax: 1_024,
  /** Rounds in which the frames of a share are zeroed: another for what the HV exchanges meanwhile. */
  shareZeroingsMax: 16,
  /** Bytes of the guest's device tree: twice its size, in whole pages, fits one 2 MiB page. */
  treeBytesMax: 1_048_576,
  /** Bytes of an ESM blob. */
  blobBytesMax: 1_048_576,
  /** Bytes in front of the initrd that are searched for an archive with the blob. */
  archiveBytesMax: 2_097_152,
  /** Pages of the RTAS area. */
  rtasPagesMax: 256,
} as const
