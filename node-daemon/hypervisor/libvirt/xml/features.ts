import type { Firmware } from '../../../../crds/v1alpha1/hardware/firmware.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** ACPI for shutdown requests, APIC for interrupts; the port of another vendor's tools is closed. */
export function features({ secureBoot }: Pick<Firmware, 'secureBoot'>): XmlElement {
  return element('features', {}, [
    element('acpi'),
    element('apic'),
    element('vmport', { state: 'off' }),
    // What protects the firmware's variables from the guest's kernel.
    secureBoot ? element('smm', { state: 'on' }) : undefined,
  ])
}

/** A UTC clock that catches up ticks missed while the host was busy. */
export function clock(): XmlElement {
  return element('clock', { offset: 'utc' }, [
    element('timer', { name: 'rtc', tickpolicy: 'catchup' }),
    element('timer', { name: 'pit', tickpolicy: 'delay' }),
    element('timer', { name: 'hpet', present: 'no' }),
  ])
}

/**
 * What ends a run. A reboot stays within the run; anything else ends the process, and whether another run follows is
 * decided by controllers, not by this host.
 */
export function lifecycle(): readonly XmlElement[] {
  return [
    element('on_poweroff', {}, ['destroy']),
    element('on_reboot', {}, ['restart']),
    element('on_crash', {}, ['destroy']),
  ]
}

/** Sleep states would leave a machine that neither runs nor has ended. */
export function powerManagement(): XmlElement {
  return element('pm', {}, [
    element('suspend-to-mem', { enabled: 'no' }),
    element('suspend-to-disk', { enabled: 'no' }),
  ])
}
