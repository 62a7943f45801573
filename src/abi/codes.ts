/**
 * Return codes, signed 64-bit. Source: hvcall.h and ultravisor-api.h of Linux.
 */

/** What a hypercall answers in R3. */
export const H = {
  SUCCESS: 0,
  BUSY: 1,
  HARDWARE: -1,
  FUNCTION: -2,
  PRIVILEGE: -3,
  PARAMETER: -4,
  AUTHORITY: -10,
  PERMISSION: -11,
  P2: -55,
  P3: -56,
  P4: -57,
  P5: -58,
  UNSUPPORTED: -67,
  STATE: -75,
} as const

/** What an ultracall answers in R3. */
export const U = {
  SUCCESS: 0,
  BUSY: 1,
  FUNCTION: -2,
  PARAMETER: -4,
  RETRY: -5,
  PERMISSION: -11,
  P2: -55,
  P3: -56,
  P4: -57,
  P5: -58,
  STATE: -75,
} as const

/**
 * The firmware's own U_BUSY. It never leaves `create_svm` and `create_memslot`, whose callers turn it
 * into U_RETRY and U_PARAMETER.
 */
export const U_BUSY_INTERNAL = -2

/** What KVM's fault handler and ioctls answer. Source: errno-base.h and kvm_ppc.h. */
export const Host = {
  OK: 0,
  RESUME_GUEST: 0,
  RESUME_HOST: 2,
  ENOENT: -2,
  EFAULT: -14,
  EEXIST: -17,
  EINVAL: -22,
  /** The kernel does not know the ioctl. */
  ENOTTY: -25,
  /** The touched GFN is in no memory slot. */
  NOSLOT: -6,
  /** Migration back to normal memory failed: the access gets SIGBUS. */
  SIGBUS: -7,
  /** No VMA behind the touched address: the access gets SIGSEGV. */
  SIGSEGV: -11,
} as const

const namesOf = (
  table: Readonly<Record<string, number>>,
  prefix: string,
): ReadonlyMap<number, string> =>
  new Map(Object.entries(table).map(([name, code]) => [code, `${prefix}${name}`]))

const H_NAMES = namesOf(H, 'H_')
const U_NAMES = namesOf(U, 'U_')

/** `H_PARAMETER` for -4; the number in decimal when the ABI does not name it. */
export const hCodeName = (code: number): string => H_NAMES.get(code) ?? String(code)
/** `U_P3` for -56; the number in decimal when the ABI does not name it. */
export const uCodeName = (code: number): string => U_NAMES.get(code) ?? String(code)
