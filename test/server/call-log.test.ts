import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import { callLog } from '../../src/server/call-log.ts'
import { ask, FakeUv, server } from './server.ts'

t.test('one line for every call, ultracalls below the call that makes them', async (t) => {
  const lines: string[] = []
  const watch = callLog(
    () => 1_234,
    (line) => lines.push(line),
  )
  const app = server({ app: { watch }, hv: { autoCreateVms: false } })
  const uv = new FakeUv(app)
  const lpid = asLpid(1)
  const page = { call: 'H_SVM_PAGE_IN', lpid, gpa: asGpa(0x1_0000), flags: 0, order: 16 } as const
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: '0x20000' }] } })
  lines.length = 0
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  await ask(app, 'touchFrame', { path: { lpid: 1, gfn: 1 } })
  await uv.call(page)
  await uv.call(page)
  await uv.call({ ...page, lpid: asLpid(2) })
  await uv.call({ call: 'H_SVM_INIT_ABORT', lpid })
  await ask(app, 'deleteVm', { path: { lpid: 1 } })
  t.same(lines, [
    '1.234 vm 1   UV_REGISTER_MEM_SLOT slot 0 at 0x0, 0x20000 bytes -> U_SUCCESS\n',
    '1.234 vm 1 H_SVM_INIT_START -> H_SUCCESS\n',
    '1.234 vm 1 host_touch gfn 0x1 -> OK\n',
    '1.234 vm 1   UV_PAGE_IN gpa 0x10000 -> U_SUCCESS\n',
    '1.234 vm 1 H_SVM_PAGE_IN gfn 0x1 -> H_SUCCESS\n',
    '1.234 vm 1 H_SVM_PAGE_IN gfn 0x1 -> H_PARAMETER (kvmppc_h_svm_page_in: the GFN is secure already)\n',
    '1.234 vm 2 H_SVM_PAGE_IN -> error -32005 No VM has that LPID.\n',
    '1.234 vm 1   UV_PAGE_OUT gpa 0x10000 -> U_SUCCESS\n',
    '1.234 vm 1   UV_SVM_TERMINATE -> U_SUCCESS\n',
    '1.234 vm 1 H_SVM_INIT_ABORT -> H_PARAMETER (kvmppc_h_svm_init_abort: the switch was aborted; the code tells the guest that UV_ESM failed)\n',
    '1.234 vm 1 destroy -> OK\n',
  ])
})

t.test('a host fault is in the line, and so is a session', async (t) => {
  const lines: string[] = []
  const watch = callLog(
    () => 0,
    (line) => lines.push(line),
  )
  const app = server({ app: { watch } })
  const uv = new FakeUv(app)
  const lpid = asLpid(1)
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 65_536 }] } })
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid })
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  lines.length = 0
  await ask(app, 'touchFrame', { path: { lpid: 1, gfn: 0 } })
  const [session] = app.hv.sessions.list()
  if (session !== undefined) app.hv.closeSession(session)
  t.same(lines, [
    '0.000 vm 1 host_touch gfn 0x0 -> host fault LIVELOCK: host page fault loop: device PTE never resolved\n',
    'session s1 closed\n',
  ])
})
