import { ProtocolError } from './errors.ts'
import type { Frame } from './frame.ts'
import { qemuEvents, remoteEvents } from './generated/events.ts'
import type { LibvirtEvent } from './generated/types.ts'
import { qemuProgram, remoteProgram } from './procedure.ts'
import { XdrReader } from './xdr.ts'

/** Decodes an event packet; `undefined` for an event that this release does not know, an error for a broken one. */
export function readEvent({ program, procedure, payload }: Frame): LibvirtEvent | ProtocolError | undefined {
  const decoders = program === remoteProgram ? remoteEvents : program === qemuProgram ? qemuEvents : {}
  const decode = decoders[procedure]
  if (decode === undefined) return undefined
  try {
    return decode(new XdrReader(payload))
  } catch (cause) {
    return new ProtocolError(`The event ${procedure} cannot be read`, { cause })
  }
}
