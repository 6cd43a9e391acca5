import { enumName } from './enum-name.ts'
import { virErrorDomain, virErrorNumber } from './generated/constants.ts'

/** What the daemon says about a call that it refused or that failed: the fields of a `virError`. */
export interface LibvirtErrorFields {
  readonly code: number
  readonly domain: number
  readonly message: string
  readonly level: number
  readonly str1: string | null
  readonly str2: string | null
  readonly str3: string | null
  readonly int1: number
  readonly int2: number
}

/**
 * libvirt answered a call with an error. Decide by `code` (`virErrorNumber`) and `domain` (`virErrorDomain`),
 * never by the text: it differs between releases and languages.
 */
export class LibvirtError extends Error implements LibvirtErrorFields {
  override readonly name = 'LibvirtError'
  /** One of `virErrorNumber`, or a number that this release does not know. */
  readonly code: number
  /** One of `virErrorDomain`: the part of libvirt that raised the error. */
  readonly domain: number
  /** One of `virErrorLevel`. */
  readonly level: number
  readonly str1: string | null
  readonly str2: string | null
  readonly str3: string | null
  readonly int1: number
  readonly int2: number
  /** The procedure that failed, such as `domainCreate`. */
  readonly procedure: string

  constructor(fields: LibvirtErrorFields, procedure: string) {
    super(fields.message)
    this.code = fields.code
    this.domain = fields.domain
    this.level = fields.level
    this.str1 = fields.str1
    this.str2 = fields.str2
    this.str3 = fields.str3
    this.int1 = fields.int1
    this.int2 = fields.int2
    this.procedure = procedure
  }

  /** The code's libvirt name, such as `VIR_ERR_NO_DOMAIN`; for people, and for logs. */
  get codeName(): string {
    return enumName(virErrorNumber, this.code)
  }

  /** The domain's libvirt name, such as `VIR_FROM_QEMU`. */
  get domainName(): string {
    return enumName(virErrorDomain, this.domain)
  }

  /** Whether something is a libvirt error, of one of the given codes if any are given. */
  static is(error: unknown, ...codes: readonly number[]): error is LibvirtError {
    return error instanceof LibvirtError && (codes.length === 0 || codes.includes(error.code))
  }
}

/**
 * The connection is gone, or could not be made. A call that was under way may have been carried out or not:
 * read the state again before repeating it. `cause` says why.
 */
export class DisconnectedError extends Error {
  override readonly name = 'DisconnectedError'
}

/** The other side broke the protocol: an impossible length, an unknown reply, a payload that does not decode. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** A call took longer than its `timeout`. The daemon may still be working on it. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}

/** The daemon refuses this client, or wants an authentication that this library does not speak. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError'
}

/** Something that cannot work from Node or with this library, such as passing file descriptors. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError'
}

/** More calls wait for their turn than the connection's `maxQueued` allows. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError'
}
