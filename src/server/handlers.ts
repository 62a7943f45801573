/** Every handler of the REST API. */
import type { OperationName } from '../../schemas/rest/operations.ts'
import { FAULT_HANDLERS } from './fault-routes.ts'
import { FRAME_HANDLERS } from './frame-routes.ts'
import type { Handlers } from './handler.ts'
import { HOST_HANDLERS } from './host-routes.ts'
import { JOURNAL_HANDLERS } from './journal-routes.ts'
import { MAP_HANDLERS } from './map-routes.ts'
import { MEMORY_HANDLERS } from './memory-routes.ts'
import { SLOT_HANDLERS } from './slot-routes.ts'
import { STATE_HANDLERS } from './state-routes.ts'
import { VM_HANDLERS } from './vm-routes.ts'
import { WAIT_HANDLERS } from './wait-routes.ts'

export const HANDLERS: Handlers<OperationName> = {
  ...HOST_HANDLERS,
  ...VM_HANDLERS,
  ...SLOT_HANDLERS,
  ...FRAME_HANDLERS,
  ...MAP_HANDLERS,
  ...MEMORY_HANDLERS,
  ...JOURNAL_HANDLERS,
  ...FAULT_HANDLERS,
  ...WAIT_HANDLERS,
  ...STATE_HANDLERS,
}
