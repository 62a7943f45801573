/** Test doubles for the checker: each side with one thing done wrong. */
import type { Ucall } from '../../src/abi/calls.ts'
import { asDevicePfn } from '../../src/abi/page.ts'
import type { Sides } from '../../src/lab/check/live.ts'
import { StateWord } from '../../src/uvmem/frame-state.ts'
import { atOnce } from '../../src/uvmem/host.ts'

type Double = (sides: Sides) => Sides

/** An ultravisor that says success to these calls and does nothing. */
const ignores =
  (name: Ucall['call']): Double =>
  (sides) => ({
    ...sides,
    serve: (uv, call, page) => (call.call === name ? { ret: 0 } : sides.serve(uv, call, page)),
  })

/** A hypervisor that says success to these calls and does nothing. */
const skips =
  (name: string): Double =>
  (sides) => ({
    ...sides,
    hypercall: (host, vm, call) =>
      call.call === name ? atOnce(0) : sides.hypercall(host, vm, call),
  })

/** A hypervisor that does something wrong after each call of a name. */
const afterwards =
  (name: string, act: (...args: Parameters<Sides['hypercall']>) => void): Double =>
  (sides) => ({
    ...sides,
    hypercall: function* (host, vm, call) {
      const ret = yield* sides.hypercall(host, vm, call)
      if (call.call === name && ret === 0) act(host, vm, call)
      return ret
    },
  })

export const DOUBLES: Readonly<Record<string, Double>> = {
  'the cipher takes any page': (sides) => ({
    ...sides,
    cipher: { ...sides.cipher, open: (_key, _iv, _aad, cipher) => cipher },
  }),
  'the cipher leaves pages in clear': (sides) => ({
    ...sides,
    cipher: {
      ...sides.cipher,
      seal: (_key, _iv, _aad, plain) => ({ cipher: plain, tag: new Uint8Array(16) }),
      open: (_key, _iv, _aad, cipher) => cipher,
    },
  }),
  'the cipher never opens a page': (sides) => ({
    ...sides,
    cipher: { ...sides.cipher, open: () => undefined },
  }),
  'UV_PAGE_INVAL is ignored': ignores('UV_PAGE_INVAL'),
  'UV_PAGE_IN is ignored': ignores('UV_PAGE_IN'),
  'UV_PAGE_OUT is ignored': ignores('UV_PAGE_OUT'),
  'UV_SVM_TERMINATE is ignored': ignores('UV_SVM_TERMINATE'),
  'UV_REGISTER_MEM_SLOT is ignored': ignores('UV_REGISTER_MEM_SLOT'),
  'H_SVM_PAGE_IN is skipped': skips('H_SVM_PAGE_IN'),
  'H_SVM_INIT_START is skipped': skips('H_SVM_INIT_START'),
  'H_SVM_INIT_DONE is skipped': skips('H_SVM_INIT_DONE'),
  'the order of H_SVM_INIT_DONE and its work is swapped': (sides) => ({
    ...sides,
    hypercall: function* (host, vm, call) {
      if (call.call === 'H_SVM_INIT_DONE' && vm.secureGuest === 1) vm.secureGuest = 0
      return yield* sides.hypercall(host, vm, call)
    },
  }),
  'H_SVM_PAGE_IN forgets to mark the frame': afterwards('H_SVM_PAGE_IN', (_host, vm) => {
    for (const { words } of vm.uvmem.list()) words.set(0, StateWord.Normal)
  }),
  'H_SVM_PAGE_IN gives its PFN back': afterwards('H_SVM_PAGE_IN', ({ devices }) => {
    if (devices.isUsed(asDevicePfn(0))) devices.free(asDevicePfn(0))
  }),
  'H_SVM_INIT_DONE forgets the last frame': afterwards('H_SVM_INIT_DONE', (_host, vm) => {
    for (const { words, count } of vm.uvmem.list()) words.set(count - 1, StateWord.Normal)
  }),
  'shares are taken for page-ins': (sides) => ({
    ...sides,
    hypercall: (host, vm, call) =>
      sides.hypercall(host, vm, call.call === 'H_SVM_PAGE_IN' ? { ...call, flags: 0 } : call),
  }),
  'the ultravisor does not zero what is shared': (sides) => ({ ...sides, stores: false }),
}
