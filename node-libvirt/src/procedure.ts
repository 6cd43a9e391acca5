import type { XdrReader, XdrWriter } from './xdr.ts'

/** Program number of libvirt's own calls and events. */
export const remoteProgram = 0x2000_8086
/** Program number of the QEMU driver's extra calls and events. */
export const qemuProgram = 0x2000_8087
/** Program number of keepalive packets. */
export const keepaliveProgram = 0x6b65_6570

/** A remote procedure: how to name it on the wire, write its arguments and read its result. */
export interface Procedure<Args, Ret> {
  /** libvirt's name in camelCase. */
  readonly name: string
  readonly program: number
  readonly number: number
  readonly encode: ((w: XdrWriter, args: Args) => void) | undefined
  readonly decode: ((r: XdrReader) => Ret) | undefined
  /** Which way its stream goes, seen from here, for a procedure that opens one. */
  readonly stream?: 'read' | 'write' | 'both'
  /** The daemon answers it even when its ordinary workers are all busy. */
  readonly high?: true
  /** It needs file descriptor passing. */
  readonly fds?: true
}

type Traits = Pick<Procedure<never, unknown>, 'stream' | 'high' | 'fds'>

type Make = <Args, Ret>(
  ...parts: [
    name: string,
    number: number,
    encode: ((w: XdrWriter, args: Args) => void) | undefined,
    decode: ((r: XdrReader) => Ret) | undefined,
    traits?: Traits,
  ]
) => Procedure<Args, Ret>

/** Makes a procedure of the remote program; for the generated table. */
export const remoteProcedure: Make = (...[name, number, encode, decode, traits]) => ({
  name,
  program: remoteProgram,
  number,
  encode,
  decode,
  ...traits,
})

/** Makes a procedure of the QEMU program; for the generated table. */
export const qemuProcedure: Make = (...[name, number, encode, decode, traits]) => ({
  name,
  program: qemuProgram,
  number,
  encode,
  decode,
  ...traits,
})
