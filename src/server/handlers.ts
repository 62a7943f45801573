/** Every handler of the REST API. */
import type { OperationName } from '../../schemas/rest/operations.ts'
import { FRAME_HANDLERS } from './frame-routes.ts'
import type { Handlers } from './handler.ts'
import { HOST_HANDLERS } from './host-routes.ts'
import { MAP_HANDLERS } from './map-routes.ts'
import { MEMORY_HANDLERS } from './memory-routes.ts'
import { SLOT_HANDLERS } from './slot-routes.ts'
import { VM_HANDLERS } from './vm-routes.ts'

export const HANDLERS: Handlers<OperationName> = {
  ...HOST_HANDLERS,
  ...VM_HANDLERS,
  ...SLOT_HANDLERS,
  ...FRAME_HANDLERS,
  ...MAP_HANDLERS,
  ...MEMORY_HANDLERS,
}
