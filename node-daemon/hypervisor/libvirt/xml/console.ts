import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** The first serial port, as a terminal that `openConsole` attaches to. */
export function serialPort(): XmlElement {
  return element('serial', { type: 'pty' }, [
    element('target', { type: 'isa-serial', port: 0 }, [element('model', { name: 'isa-serial' })]),
  ])
}

/** Makes the first serial port the console, which is what libvirt opens when no device is named. */
export function console(): XmlElement {
  return element('console', { type: 'pty' }, [element('target', { type: 'serial', port: 0 })])
}

/** How the agent in the guest is reached; the name is the one that guests know. */
export function agentChannel(): XmlElement {
  return element('channel', { type: 'unix' }, [
    element('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' }),
  ])
}
