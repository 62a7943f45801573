/** The schemas and the ABI's call types agree: the compiler checks it, and this test only says so. */
import t from 'tap'
import type { z } from 'zod'
import type * as hypercalls from '../../schemas/hypercalls.ts'
import type * as bus from '../../schemas/memory-bus.ts'
import type { DownCall, SessionOpen, UpCall } from '../../schemas/messages.ts'
import type * as session from '../../schemas/session.ts'
import type * as ultracalls from '../../schemas/ultracalls.ts'
import type * as abi from '../../src/abi/calls.ts'
import type { Page } from '../../src/abi/page.ts'

type Same<Left, Right> =
  (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false
type Flat<T> = { -readonly [Key in keyof T]: T[Key] }
/** The params that stand for a call: its fields and `parent`. */
type ParamsOf<Call> = Flat<Omit<Call, 'call'> & { parent?: number | undefined }>
/** As it is spelled on the wire. */
type Renamed<Call> = Omit<Call, 'startGpa' | 'slotId'> &
  (Call extends { startGpa: infer Gpa } ? { start_gpa: Gpa } : unknown) &
  (Call extends { slotId: infer Id } ? { slotid: Id } : unknown)
type Output<M extends { readonly params: z.ZodType }> = Flat<z.output<M['params']>>

const agree = {
  initStart: true satisfies Same<
    Output<typeof hypercalls.SvmInitStart>,
    ParamsOf<abi.HSvmInitStart>
  >,
  initDone: true satisfies Same<Output<typeof hypercalls.SvmInitDone>, ParamsOf<abi.HSvmInitDone>>,
  abort: true satisfies Same<Output<typeof hypercalls.SvmInitAbort>, ParamsOf<abi.HSvmInitAbort>>,
  pageIn: true satisfies Same<Output<typeof hypercalls.SvmPageIn>, ParamsOf<abi.HSvmPageIn>>,
  pageOut: true satisfies Same<Output<typeof hypercalls.SvmPageOut>, ParamsOf<abi.HSvmPageOut>>,
  hdsi: true satisfies Same<Output<typeof bus.HdsiFault>, ParamsOf<abi.Hdsi>>,
  read: true satisfies Same<Output<typeof bus.MemoryRead>, ParamsOf<abi.MemRead>>,
  write: true satisfies Same<Output<typeof bus.MemoryWrite>, ParamsOf<abi.MemWrite>>,
  register: true satisfies Same<
    Output<typeof ultracalls.RegisterMemSlot>,
    ParamsOf<Renamed<abi.UvRegisterMemSlot>>
  >,
  unregister: true satisfies Same<
    Output<typeof ultracalls.UnregisterMemSlot>,
    ParamsOf<Renamed<abi.UvUnregisterMemSlot>>
  >,
  uvPageIn: true satisfies Same<
    Output<typeof ultracalls.PageIn>,
    ParamsOf<abi.UvPageIn & { page?: Page | undefined }>
  >,
  uvPageOut: true satisfies Same<Output<typeof ultracalls.PageOut>, ParamsOf<abi.UvPageOut>>,
  inval: true satisfies Same<
    Output<typeof ultracalls.PageInval>,
    ParamsOf<Omit<abi.UvPageInval, 'via'>>
  >,
  terminate: true satisfies Same<
    Output<typeof ultracalls.SvmTerminate>,
    ParamsOf<abi.UvSvmTerminate>
  >,
  pate: true satisfies Same<Output<typeof ultracalls.WritePate>, ParamsOf<abi.UvWritePate>>,
  open: true satisfies Same<
    Output<typeof session.OpenSession>,
    ParamsOf<
      Omit<SessionOpen, 'resume' | 'unanswered' | 'attempt'> & {
        resume?: string | undefined
        unanswered?: number | undefined
        attempt?: number | undefined
      }
    >
  >,
  everyHypercall: true satisfies Same<Exclude<abi.UvRequest['call'], UpCall['call']>, never>,
  everyUltracall: true satisfies Same<Exclude<abi.Ucall['call'], DownCall['call']>, never>,
  notAlways: false satisfies Same<Output<typeof bus.HdsiFault>, ParamsOf<abi.HSvmPageIn>>,
}

t.test('each schema decodes to the type that the cores use', async (t) => {
  const { notAlways, ...rest } = agree
  t.equal(notAlways, false, 'the comparison tells types apart')
  t.equal(Object.keys(rest).length, 18)
  for (const [name, same] of Object.entries(rest)) t.equal(same, true, name)
})
