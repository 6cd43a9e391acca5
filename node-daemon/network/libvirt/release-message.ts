import { parseAddress } from '../subnet.ts'

/** A lease as the DHCP server has it. */
export interface Lease {
  readonly macAddress: string
  readonly ipAddress: string
}

const messageBytes = 300
const ethernet = 1
const magicCookie = 0x63825363
const release = 7
const option = { messageType: 53, server: 54, end: 255 }

/**
 * The DHCP message (RFC 2131) with which a client gives its address back. Sent in the client's place once the machine is
 * gone: the server would keep the address from anybody else for the rest of the lease. It names no client identifier,
 * so the server goes by the MAC address.
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
  const fields = [
    [option.messageType, 1, release],
    [option.server, serverAddress.length, ...serverAddress],
    [option.end],
  ]
  message.set(fields.flat(), 240)
  return message
}

function bytes(macAddress: string): readonly number[] {
  return macAddress.split(':').map((part) => Number.parseInt(part, 16))
}

function addressNumber(address: string): number {
  const value = parseAddress(address)
  if (value === undefined) throw new TypeError(`"${address}" is not an IPv4 address`)
  return value
}
