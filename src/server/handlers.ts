/** Every handler of the REST API. */
import type { OperationName } from '../../schemas/rest/operations.ts'
import type { Handlers } from './handler.ts'
import { HOST_HANDLERS } from './host-routes.ts'

export const HANDLERS: Handlers<OperationName> = { ...HOST_HANDLERS }
