/** What is measured: the operations of the mix, and the parts of them that are of interest alone. */

/** Operations that a mix is made of. */
export const OPERATION_NAMES = [
  'boot',
  'churn',
  'share',
  'fault',
  'hotplug',
  'reboot',
  'touch',
] as const
export type OperationName = (typeof OPERATION_NAMES)[number]

/** Parts of operations. They are shown, and not counted among the operations. */
export const DETAIL_NAMES = [
  'connect',
  'resume',
  'esm',
  'page-out',
  'page-in',
  'hdsi',
  'host-touch',
  'reset',
] as const
export type DetailName = (typeof DETAIL_NAMES)[number]

export type MetricName = OperationName | DetailName

/** Their order is their number in a batch. */
export const METRIC_NAMES: readonly MetricName[] = [...OPERATION_NAMES, ...DETAIL_NAMES]

export const isOperation = (name: MetricName): name is OperationName =>
  (OPERATION_NAMES as readonly string[]).includes(name)

/** One sentence each, for help and reports. */
export const METRIC_TEXT: Readonly<Record<MetricName, string>> = {
  boot: 'a VM is made anew: created, loaded over REST, turned secure',
  churn: 'eight pages out by H_SVM_PAGE_OUT and back by guest loads, contents checked',
  share: 'four pages shared, written and read through, unshared',
  fault: 'a shared page is reclaimed by the host, the guest faults on it',
  hotplug: 'a memory slot is added to the secure VM and removed again',
  reboot: 'KVM_PPC_SVM_OFF, the guest loaded again, turned secure again',
  touch: 'the host touches a secure page, the guest takes it back, content checked',
  connect: 'WebSocket and SESSION_OPEN',
  resume: 'from a cut connection until the session goes on: waiting, WebSocket, SESSION_OPEN',
  esm: 'UV_ESM alone',
  'page-out': 'one H_SVM_PAGE_OUT with its UV_PAGE_OUT',
  'page-in': 'one guest load that faults its page in',
  hdsi: 'one guest load that faults at the hypervisor',
  'host-touch': 'the REST request alone',
  reset: 'KVM_PPC_SVM_OFF alone',
}
