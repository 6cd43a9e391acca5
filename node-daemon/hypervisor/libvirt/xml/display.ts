import type { Devices } from '../../../../crds/v1alpha1/hardware/devices.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/**
 * Graphics card, VNC server and pointer. The server listens on a socket of the host that only its owner may open: who
 * may look is decided where the console is asked for, not by a password.
 */
export function display({ video, input }: Devices): readonly XmlElement[] {
  if (video === 'none') return [element('video', {}, [element('model', { type: 'none' })])]
  return [
    element('graphics', { type: 'vnc' }, [element('listen', { type: 'socket' })]),
    element('video', {}, [element('model', { type: video })]),
    ...(input === 'Tablet' ? [element('input', { type: 'tablet', bus: 'usb' })] : []),
  ]
}

/** Whether a device sits on USB, and with it whether there is a bus. */
export function needsUsb({ video, input }: Devices): boolean {
  return video !== 'none' && input === 'Tablet'
}
