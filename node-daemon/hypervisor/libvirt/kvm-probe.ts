import type { LibvirtHost } from 'node-libvirt'
import { LibvirtError, TimeoutError } from 'node-libvirt'
import type { Logger } from '../../../apimachinery/log.ts'
import type { HypervisorFacts } from '../hypervisor.ts'

// A working KVM answers in about a second even when libvirt looks at QEMU for the first time; a broken one takes 40 s.
const probeMs = 15_000

/**
 * What can run machines here, by libvirt's own finding. Only libvirt's view counts: it may be kept from a /dev/kvm
 * that the host has.
 */
export async function probeAccelerator(
  libvirt: LibvirtHost,
  log: Logger,
): Promise<HypervisorFacts['accelerator']> {
  if (await supports(libvirt, 'kvm', log)) return 'KVM'
  return (await supports(libvirt, 'qemu', log)) ? 'TCG' : 'None'
}

async function supports(libvirt: LibvirtHost, virttype: 'kvm' | 'qemu', log: Logger): Promise<boolean> {
  // Emulation is always there to be found, so its answer is worth the wait; KVM's may be that of a broken device.
  const timeout = virttype === 'kvm' ? probeMs : 4 * probeMs
  try {
    await libvirt.job('connectGetDomainCapabilities', { virttype }, { timeout })
    return true
  } catch (error) {
    if (error instanceof LibvirtError) return false
    if (!(error instanceof TimeoutError)) throw error
    log.warn(
      'Gave up waiting for libvirt to try an accelerator: a /dev/kvm that does not work should be hidden from it',
      {
        virttype,
        waitedMs: timeout,
      },
    )
    return false
  }
}
