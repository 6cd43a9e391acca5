import type { DomainSpec } from '../../domain-spec.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/**
 * Machine type and firmware. UEFI is chosen by libvirt among the host's firmware descriptions and gets a variable
 * store of its own; the boot order stands at the devices, where it can name each one.
 */
export function operatingSystem(firmware: DomainSpec['firmware']): XmlElement {
  const type = element('type', { arch: 'x86_64', machine: 'q35' }, ['hvm'])
  if (firmware.type === 'bios') return element('os', {}, [type])
  return element('os', { firmware: 'efi' }, [
    type,
    element('firmware', {}, [
      element('feature', { enabled: 'no', name: 'enrolled-keys' }),
      element('feature', { enabled: 'no', name: 'secure-boot' }),
    ]),
  ])
}
