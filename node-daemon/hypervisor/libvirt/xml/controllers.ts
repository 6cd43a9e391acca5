import type { DomainSpec } from '../../domain-spec.ts'
import { diskThread } from './disk.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** What libvirt would not choose by itself: paravirtual SCSI where a disk needs it, and no USB. */
export function controllers(disks: DomainSpec['disks']): readonly XmlElement[] {
  const usb = element('controller', { type: 'usb', model: 'none' })
  if (!disks.some((disk) => disk.bus === 'scsi')) return [usb]
  return [
    usb,
    element('controller', { type: 'scsi', index: 0, model: 'virtio-scsi' }, [
      element('driver', { iothread: diskThread }),
    ]),
  ]
}
