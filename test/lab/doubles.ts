/** Test doubles for the checker: each side with one thing done wrong. */
import type { Ucall } from '../../src/abi/calls.ts'
import { H, U } from '../../src/abi/codes.ts'
import { asDevicePfn, gfnOf, PAGE_SHIFT } from '../../src/abi/page.ts'
import type { Sides } from '../../src/lab/check/live.ts'
import { isTransient } from '../../src/ultravisor/frame-state.ts'
import { StateWord } from '../../src/uvmem/frame-state.ts'
import { atOnce } from '../../src/uvmem/host.ts'
import { unmap } from '../../src/uvmem/vmm/touch.ts'

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
    hypercall: (host, vm, call, fromSecure) =>
      call.call === name ? atOnce(0) : sides.hypercall(host, vm, call, fromSecure),
  })

/** A hypervisor that does something wrong after each call of a name. */
const afterwards =
  (name: string, act: (...args: Parameters<Sides['hypercall']>) => void): Double =>
  (sides) => ({
    ...sides,
    hypercall: function* (host, vm, call, fromSecure) {
      const ret = yield* sides.hypercall(host, vm, call, fromSecure)
      if (call.call === name && ret === 0) act(host, vm, call)
      return ret
    },
  })

export const DOUBLES: Readonly<Record<string, Double>> = {
  'nothing is wrong': (sides) => ({
    ...sides,
    hypercall: (...args) => sides.hypercall(...args),
    serve: (...args) => sides.serve(...args),
  }),
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
    hypercall: function* (host, vm, call, fromSecure) {
      if (call.call === 'H_SVM_INIT_DONE' && vm.secureGuest === 1) vm.secureGuest = 0
      return yield* sides.hypercall(host, vm, call, fromSecure)
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
    hypercall: (host, vm, call, fromSecure) => {
      const wrong = call.call === 'H_SVM_PAGE_IN' ? { ...call, flags: 0 } : call
      return sides.hypercall(host, vm, wrong, fromSecure)
    },
  }),
  'the ultravisor does not zero what is shared': (sides) => ({ ...sides, stores: false }),
  // The kernel holds uvmem_lock over the ultracall; without it the host may reclaim the page.
  'H_SVM_PAGE_IN lets its VM go while it asks': (sides) => ({
    ...sides,
    hypercall: function* (host, vm, call, fromSecure) {
      const steps = sides.hypercall(host, vm, call, fromSecure)
      let step = steps.next(0)
      while (step.done !== true) {
        const ret: number = yield step.value
        if ('gpa' in call) yield* unmap(host, vm, gfnOf(call.gpa), 'reclaim')
        step = steps.next(ret)
      }
      return step.value
    },
  }),
  // The states in between, HV_SHARING and its like, keep others from the frame until the share is done.
  'a frame is let go in the middle of its share': (sides) => ({
    ...sides,
    serve: (uv, call, page) => {
      const frames = uv.svms.get(call.lpid)?.frames
      const isTaken = call.call === 'UV_PAGE_OUT' || call.call === 'UV_PAGE_INVAL'
      const gfn = isTaken ? gfnOf(call.gpa) : undefined
      if (gfn !== undefined && frames !== undefined && isTransient(frames.state(gfn))) {
        frames.forget(gfn)
      }
      return sides.serve(uv, call, page)
    },
  }),
  'page hypercalls look at their flags before their order': (sides) => ({
    ...sides,
    hypercall: (host, vm, call, fromSecure) => {
      const isPageCall = call.call === 'H_SVM_PAGE_IN' || call.call === 'H_SVM_PAGE_OUT'
      const isStarted = vm.secureGuest !== 0 && fromSecure !== false
      const isWrong = isPageCall && isStarted && call.order !== PAGE_SHIFT && call.flags > 1
      return isWrong ? atOnce(H.P2) : sides.hypercall(host, vm, call, fromSecure)
    },
  }),
  'UV_PAGE_OUT looks for the slot before the order': (sides) => ({
    ...sides,
    serve: (uv, call, page) => {
      const svm = uv.svms.get(call.lpid)
      const isOutside =
        call.call === 'UV_PAGE_OUT' && svm?.slots.find(gfnOf(call.gpa)) === undefined
      return isOutside ? { ret: U.P3 } : sides.serve(uv, call, page)
    },
  }),
  'H_SVM_INIT_ABORT says that all went well': (sides) => ({
    ...sides,
    hypercall: function* (host, vm, call, fromSecure) {
      const ret = yield* sides.hypercall(host, vm, call, fromSecure)
      return call.call === 'H_SVM_INIT_ABORT' && ret === H.PARAMETER ? H.SUCCESS : ret
    },
  }),
}
