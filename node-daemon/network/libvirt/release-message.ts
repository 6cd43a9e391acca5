import { parseAddress } from '../subnet.ts'

/** A lease as the DHCP server has it. */
export interface Lease {
  readonly macAddress: string
  readonly ipAddress: string
  /** Bytes in hexadecimal with colons, when the client gave such an identifier. */
  readonly clientId?: string
}

const messageBytes = 300
const ethernet = 1
const magicCookie = 0x63825363
const release = 7
const option = { messageType: 53, server: 54, clientId: 61, end: 255 }

/**
 * The DHCP message (RFC 2131) with which a client gives its address back. Sent in the client's place once the machine is
 * gone: the server would keep the address from anybody else for the rest of the lease.
 */
export function releaseMessage(lease: Lease, server: string): Buffer {
  const message = Buffer.alloc(messageBytes)
  const hardware = bytes(lease.macAddress)
  message.writeUInt8(1, 0) // from a client
  message.writeUInt8(ethernet, 1)
  message.writeUInt8(hardware.length, 2)
  message.writeUInt32BE(addressNumber(lease.ipAddress), 12)
  message.set(hardware, 28)
  message.writeUInt32BE(magicCookie, 236)
  const serverAddress = Buffer.alloc(4)
  serverAddress.writeUInt32BE(addressNumber(server))
  const clientId = lease.clientId === undefined ? [] : bytes(lease.clientId)
  const fields = [
    [option.messageType, 1, release],
    [option.server, serverAddress.length, ...serverAddress],
    clientId.length === 0 ? [] : [option.clientId, clientId.length, ...clientId],
    [option.end],
  ]
  message.set(fields.flat(), 240)
  return message
}

// Longer ones would not fit the message, and no client of ours sends such.
const maxBytes = 32

function bytes(hex: string): readonly number[] {
  const parts = hex.split(':')
  if (parts.length > maxBytes || !parts.every((part) => /^[0-9a-f]{2}$/i.test(part))) return []
  return parts.map((part) => Number.parseInt(part, 16))
}

function addressNumber(address: string): number {
  const value = parseAddress(address)
  if (value === undefined) throw new TypeError(`"${address}" is not an IPv4 address`)
  return value
}
