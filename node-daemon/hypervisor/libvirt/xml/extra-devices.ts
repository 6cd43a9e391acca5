import type { Devices } from '../../../../crds/v1alpha1/hardware/devices.ts'
import type { Tpm } from '../../../../crds/v1alpha1/hardware/firmware.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

const watchdogActions = { Reset: 'reset', PowerOff: 'poweroff', Pause: 'pause', None: 'none' } as const

/** Devices that most machines do without. */
export function extraDevices(
  devices: Devices,
  tpm: (Tpm & { readonly kept: boolean }) | undefined,
): readonly XmlElement[] {
  const { watchdog, sound } = devices
  return [
    ...(watchdog === undefined
      ? []
      : [element('watchdog', { model: watchdog.model, action: watchdogActions[watchdog.action] })]),
    ...(sound === 'none' ? [] : [element('sound', { model: sound })]),
    // What is kept is the machine's for life: it stays when the domain goes.
    ...(tpm === undefined
      ? []
      : [
          element('tpm', { model: tpm.model }, [
            element('backend', {
              type: 'emulator',
              version: '2.0',
              persistent_state: tpm.kept ? 'yes' : undefined,
            }),
          ]),
        ]),
  ]
}
