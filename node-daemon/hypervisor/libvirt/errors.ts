import {
  AuthenticationError,
  DisconnectedError,
  LibvirtError,
  OverloadedError,
  TimeoutError,
} from 'node-libvirt'
import { virErrorNumber } from 'node-libvirt'
import { HypervisorError } from '../hypervisor.ts'

const maxMessage = 500

const codes: Readonly<Record<number, HypervisorError['code']>> = {
  [virErrorNumber.VIR_ERR_NO_DOMAIN]: 'not-found',
  [virErrorNumber.VIR_ERR_NO_NETWORK]: 'not-found',
  [virErrorNumber.VIR_ERR_OPERATION_INVALID]: 'conflict',
  [virErrorNumber.VIR_ERR_DOM_EXIST]: 'conflict',
  [virErrorNumber.VIR_ERR_NETWORK_EXIST]: 'conflict',
  [virErrorNumber.VIR_ERR_XML_ERROR]: 'invalid',
  [virErrorNumber.VIR_ERR_XML_DETAIL]: 'invalid',
  [virErrorNumber.VIR_ERR_XML_INVALID_SCHEMA]: 'invalid',
  [virErrorNumber.VIR_ERR_INVALID_ARG]: 'invalid',
  [virErrorNumber.VIR_ERR_CONFIG_UNSUPPORTED]: 'invalid',
  [virErrorNumber.VIR_ERR_ARGUMENT_UNSUPPORTED]: 'invalid',
  [virErrorNumber.VIR_ERR_OPERATION_TIMEOUT]: 'timeout',
  [virErrorNumber.VIR_ERR_AGENT_UNRESPONSIVE]: 'timeout',
}

/**
 * The port's error for whatever a libvirt call rejected with; `act` says what was tried, as in `start domain x`.
 * An abort stays what it is: nothing failed.
 */
export function toHypervisorError(error: unknown, act: string): unknown {
  if (error instanceof HypervisorError) return error
  const code = codeOf(error)
  if (code === undefined) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new HypervisorError(code, `cannot ${act}: ${reason}`.slice(0, maxMessage), { cause: error })
}

function codeOf(error: unknown): HypervisorError['code'] | undefined {
  if (error instanceof LibvirtError) return codes[error.code] ?? 'failed'
  if (error instanceof TimeoutError) return 'timeout'
  if (
    error instanceof DisconnectedError ||
    error instanceof AuthenticationError ||
    error instanceof OverloadedError
  )
    return 'unavailable'
  return undefined
}

/** Runs `call` and turns what it rejects with into the port's errors. */
export async function attempt<T>(act: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw toHypervisorError(error, act)
  }
}
