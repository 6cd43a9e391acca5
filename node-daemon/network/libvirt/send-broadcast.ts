import { createSocket } from 'node:dgram'

/** Where a datagram goes: from an address of the host to the broadcast address of the same network. */
export interface BroadcastRoute {
  readonly from: string
  readonly to: string
  readonly port: number
}

/** Sends one UDP datagram on the host whose networks these are. The host itself hears its own broadcasts. */
export type SendBroadcast = (message: Buffer, route: BroadcastRoute) => Promise<void>

/** Sends from this process. */
export const broadcastHere: SendBroadcast = (message, { from, to, port }) => {
  const socket = createSocket('udp4')
  return new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(0, from, () => {
      socket.setBroadcast(true)
      socket.send(message, port, to, (error) => (error === null ? resolve() : reject(error)))
    })
  }).finally(() => socket.close())
}
