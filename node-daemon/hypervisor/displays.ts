import type { Duplex } from 'node:stream'

/** The screens of a host's machines. Errors are HypervisorErrors. */
export interface Displays {
  /** A connection to the machine's VNC server, which speaks first. Several at a time show the same screen. */
  openDisplay(uuid: string, signal?: AbortSignal): Promise<Duplex>
  /** What the first screen shows now, as PNG. */
  screenshot(uuid: string, signal?: AbortSignal): Promise<Buffer>
}
