import { headerLength } from './frame.ts'
import type { Procedure } from './procedure.ts'
import { XdrWriter } from './xdr.ts'

/**
 * Writes a call's arguments behind room for the header.
 * Throws `TypeError` naming the argument that the protocol cannot carry (`domainSetMemory: dom.uuid: expected a UUID …`).
 */
export function encodeCall<Args>(procedure: Procedure<Args, unknown>, args: Args): Buffer {
  const { encode } = procedure
  const w = new XdrWriter(headerLength)
  if (encode === undefined) return w.finish()
  // Arguments that may all be left out may be left out altogether.
  const given = args ?? ({} as Args)
  try {
    encode(w, given)
  } catch (error) {
    throw explain(
      procedure.name,
      error,
      lastPathRead((spy) => encode(new XdrWriter(headerLength), spy as Args), given),
    )
  }
  return w.finish()
}

function explain(procedure: string, error: unknown, path: string): TypeError {
  const message = error instanceof Error ? error.message : String(error)
  return new TypeError(`${procedure}: ${path === '' ? 'arguments' : path}: ${message}`, { cause: error })
}

/** Encodes once more, watching which property is read last: the one that the encoder failed on. */
function lastPathRead(encode: (spy: unknown) => void, args: unknown): string {
  let last = ''
  const spyOn = (value: unknown, path: string): unknown => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
    return new Proxy(value, {
      get(target, key) {
        const inner: unknown = Reflect.get(target, key)
        if (typeof key === 'symbol' || typeof inner === 'function' || key === 'length') return inner
        last = path === '' ? key : `${path}.${key}`
        return spyOn(inner, last)
      },
    })
  }
  try {
    encode(spyOn(args, ''))
  } catch {
    // The failure is known; only the place was wanted.
  }
  return last
}
