import type { Firmware } from '../../../../crds/v1alpha1/hardware/firmware.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/**
 * Machine type and firmware. UEFI is chosen by libvirt among the host's firmware descriptions; its variables are kept
 * in `nvramPath`, or for as long as the domain lives; the boot order stands at the devices, where it can name each one.
 */
export function operatingSystem(firmware: Firmware, nvramPath?: string): XmlElement {
  const { type, secureBoot, bootMenuSeconds, smbios } = firmware
  const secure = secureBoot ? 'yes' : 'no'
  return element('os', { firmware: type === 'uefi' ? 'efi' : undefined }, [
    element('type', { arch: 'x86_64', machine: 'q35' }, ['hvm']),
    type === 'bios'
      ? undefined
      : element('firmware', {}, [
          element('feature', { enabled: secure, name: 'enrolled-keys' }),
          element('feature', { enabled: secure, name: 'secure-boot' }),
        ]),
    type === 'bios' || nvramPath === undefined ? undefined : element('nvram', {}, [nvramPath]),
    bootMenuSeconds === 0
      ? undefined
      : element('bootmenu', { enable: 'yes', timeout: bootMenuSeconds * 1000 }),
    smbios === undefined ? undefined : element('smbios', { mode: 'sysinfo' }),
  ])
}

const chassisFields = new Set(['assetTag'])
const entryNames = { assetTag: 'asset' } as const

/** What the firmware tells of the system; empty texts and those left out stay the hypervisor's. */
export function systemInformation({ smbios }: Firmware): XmlElement | undefined {
  if (smbios === undefined) return undefined
  const given = Object.entries(smbios).flatMap(([name, value]) => (value ? [[name, value] as const] : []))
  const entry = ([name, value]: readonly [string, string]) =>
    element('entry', { name: name in entryNames ? entryNames[name as keyof typeof entryNames] : name }, [
      value,
    ])
  const system = given.filter(([name]) => !chassisFields.has(name))
  const chassis = given.filter(([name]) => chassisFields.has(name))
  return element('sysinfo', { type: 'smbios' }, [
    system.length === 0 ? undefined : element('system', {}, system.map(entry)),
    chassis.length === 0 ? undefined : element('chassis', {}, chassis.map(entry)),
  ])
}
