import type { Displays } from '../displays.ts'
import { HypervisorError } from '../hypervisor.ts'

/** Machines that are only pretended show nothing, and say so. */
export function noDisplays(): Displays {
  const refuse = () =>
    Promise.reject(new HypervisorError('conflict', 'this host runs demo machines without screens'))
  return { openDisplay: refuse, screenshot: refuse }
}
