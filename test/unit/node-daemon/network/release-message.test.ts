import { expect, test } from 'vitest'
import { releaseMessage } from '../../../../node-daemon/network/libvirt/release-message.ts'

const lease = { macAddress: '52:54:00:aa:bb:cc', ipAddress: '10.80.0.7' }

test('is a DHCPRELEASE of that client to that server', () => {
  const message = releaseMessage(lease, '10.80.0.1')
  expect(message).toHaveLength(300)
  expect(message.subarray(0, 4).toString('hex')).toBe('01010600')
  expect([...message.subarray(12, 16)]).toEqual([10, 80, 0, 7])
  expect(message.subarray(28, 34).toString('hex')).toBe('525400aabbcc')
  expect(message.subarray(236, 253).toString('hex')).toBe(
    ['63825363', '350107', '36040a500001', 'ff', '000000'].join(''),
  )
})

test('refuses what is no address', () => {
  expect(() => releaseMessage({ ...lease, ipAddress: 'fe80::1' }, '10.80.0.1')).toThrow('fe80::1')
})
