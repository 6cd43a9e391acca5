import { type Cpu, cpu } from '../../crds/v1alpha1/hardware/processor.ts'
import { devices } from '../../crds/v1alpha1/hardware/devices.ts'
import { type Firmware, firmware } from '../../crds/v1alpha1/hardware/firmware.ts'
import type { DomainDisk, DomainInterface, DomainSpec } from '../../node-daemon/hypervisor/domain-spec.ts'

/** One CPU, 64 MiB, BIOS, no disks, no interfaces, and the devices that every machine has. */
export function aDomainSpec(
  given: Pick<DomainSpec, 'uuid' | 'name' | 'owner'> & Partial<DomainSpec>,
): DomainSpec {
  return {
    cpu: aCpu(),
    memory: { bytes: 64 * 1024 ** 2 },
    firmware: aFirmware(),
    devices: devices.parse({}),
    disks: [],
    interfaces: [],
    ...given,
  }
}

/** One thread of `auto`, unless said otherwise. */
export function aCpu(given: Partial<Cpu> = {}): Cpu {
  return cpu.parse(given)
}

export function aFirmware(given: Partial<Firmware> = {}): Firmware {
  return firmware.parse(given)
}

/** A virtio disk as the API's defaults have it. */
export function aDomainDisk(given: Pick<DomainDisk, 'name' | 'path'> & Partial<DomainDisk>): DomainDisk {
  return {
    format: 'qcow2',
    bus: 'virtio',
    type: 'Disk',
    cache: 'auto',
    discard: 'unmap',
    readOnly: false,
    onError: 'Stop',
    ...given,
  }
}

/** A virtio card that is plugged in. */
export function aDomainInterface(
  given: Pick<DomainInterface, 'name' | 'bridge' | 'macAddress'> & Partial<DomainInterface>,
): DomainInterface {
  return { model: 'virtio', linkState: 'Up', ...given }
}
