import { createHash } from 'node:crypto'

// The prefix that QEMU and KVM guests carry everywhere: unicast, locally administered.
const prefix = '52:54:00'
// 2^24 addresses: with 100,000 interfaces a probe hits a used one in 0.6 % of cases.
const maxProbes = 1000

/**
 * A MAC address that is the same for the same machine and interface as long as nobody else has it; undefined when
 * every probe hit a used one.
 */
export function freeMacAddress(
  machineUid: string,
  interfaceName: string,
  isFree: (address: string) => boolean,
): string | undefined {
  for (let probe = 0; probe < maxProbes; probe++) {
    const address = candidate([machineUid, interfaceName, probe].join('/'))
    if (isFree(address)) return address
  }
  return undefined
}

function candidate(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest().subarray(0, 3)
  return [prefix, ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))].join(':')
}
