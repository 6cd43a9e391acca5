import { LibvirtError } from './errors.ts'
import { XdrReader } from './xdr.ts'

/** Reads the payload of an error reply. */
export function readLibvirtError(payload: Buffer, procedure: string): LibvirtError {
  const r = new XdrReader(payload)
  const text = () => r.optional((reader) => reader.string())
  const skipDomain = () => r.optional((reader) => [reader.string(), reader.uuid(), reader.int()])
  const skipNetwork = () => r.optional((reader) => [reader.string(), reader.uuid()])
  const code = r.int()
  const domain = r.int()
  const message = text() ?? 'no message'
  const level = r.int()
  skipDomain()
  const [str1, str2, str3] = [text(), text(), text()]
  const [int1, int2] = [r.int(), r.int()]
  skipNetwork()
  return new LibvirtError({ code, domain, message, level, str1, str2, str3, int1, int2 }, procedure)
}
