import { describe, expect, test } from 'vitest'
import { vncSocket } from '../../../../../node-daemon/hypervisor/libvirt/display.ts'

const domain = (devices: string) => `<domain type='qemu'><devices>${devices}</devices></domain>`

describe('the socket of the VNC server', () => {
  test.each([
    [
      'is where libvirt put it',
      `<graphics type='vnc' socket='/run/qemu/vnc.sock'><listen type='socket' socket='/run/qemu/vnc.sock'/></graphics>`,
      '/run/qemu/vnc.sock',
    ],
    [
      'is not that of another kind of display',
      `<graphics type='spice'><listen type='socket' socket='/run/spice.sock'/></graphics>`,
      undefined,
    ],
    ['is not there when it listens on a port', `<graphics type='vnc' port='5900'/>`, undefined],
    ['is not there without a screen', `<video><model type='none'/></video>`, undefined],
  ])('%s', (_what, devices, socket) => {
    expect(vncSocket(domain(devices))).toBe(socket)
  })

  test('of what is no domain is an error', () => {
    expect(() => vncSocket('<network/>')).toThrow(/cannot be read/)
  })
})
