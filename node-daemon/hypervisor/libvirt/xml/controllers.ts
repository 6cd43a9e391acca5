import type { DomainSpec } from '../../domain-spec.ts'
import { needsUsb } from './display.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

// Free slots for what is plugged in while the machine runs: each takes a port of its own.
const hotplugPorts = 8

/** What libvirt would not choose by itself: paravirtual SCSI where a disk needs it, USB only for what sits on it. */
export function controllers({
  disks,
  interfaces,
  devices,
}: Pick<DomainSpec, 'disks' | 'interfaces' | 'devices'>): readonly XmlElement[] {
  const usb = element('controller', { type: 'usb', model: needsUsb(devices) ? 'qemu-xhci' : 'none' })
  const scsi = disks.some((disk) => disk.bus === 'scsi')
    ? [
        element('controller', { type: 'scsi', index: 0, model: 'virtio-scsi' }, [
          element('driver', { iothread: 1 }),
        ]),
      ]
    : []
  return [usb, ...scsi, ...ports(disks.length + interfaces.length)]
}

/** libvirt makes a port for each device that it places; these come on top. */
function ports(devices: number): readonly XmlElement[] {
  // Device 0 is the root complex itself.
  const count = Math.min(devices + hotplugPorts, 24)
  return [
    element('controller', { type: 'pci', index: 0, model: 'pcie-root' }),
    ...Array.from({ length: count }, () => element('controller', { type: 'pci', model: 'pcie-root-port' })),
  ]
}
