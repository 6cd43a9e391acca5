import { DisconnectedError, LibvirtError, TimeoutError, virErrorDomain, virErrorNumber } from 'node-libvirt'
import { expect, test } from 'vitest'
import { HypervisorError } from '../../../../../node-daemon/hypervisor/hypervisor.ts'
import { attempt, toHypervisorError } from '../../../../../node-daemon/hypervisor/libvirt/errors.ts'

const libvirtError = (code: number, message = 'said libvirt') =>
  new LibvirtError(
    {
      code,
      domain: virErrorDomain.VIR_FROM_QEMU,
      message,
      level: 2,
      str1: '',
      str2: '',
      str3: '',
      int1: 0,
      int2: 0,
    },
    'domainCreate',
  )

test.each([
  { error: libvirtError(virErrorNumber.VIR_ERR_NO_DOMAIN), code: 'not-found' },
  { error: libvirtError(virErrorNumber.VIR_ERR_OPERATION_INVALID), code: 'conflict' },
  { error: libvirtError(virErrorNumber.VIR_ERR_XML_ERROR), code: 'invalid' },
  { error: libvirtError(virErrorNumber.VIR_ERR_CONFIG_UNSUPPORTED), code: 'invalid' },
  { error: libvirtError(virErrorNumber.VIR_ERR_OPERATION_TIMEOUT), code: 'timeout' },
  { error: libvirtError(virErrorNumber.VIR_ERR_INTERNAL_ERROR), code: 'failed' },
  { error: libvirtError(9999), code: 'failed' },
  { error: new TimeoutError('too long'), code: 'timeout' },
  { error: new DisconnectedError('gone'), code: 'unavailable' },
])('$error.name $error.code becomes $code', ({ error, code }) => {
  expect(toHypervisorError(error, 'start domain x')).toMatchObject({
    name: 'HypervisorError',
    code,
    cause: error,
  })
})

test('says what was tried, and cuts what is too long', async () => {
  const failing = attempt('start domain x', () => Promise.reject(libvirtError(1, 'y'.repeat(5000))))
  await expect(failing).rejects.toThrow(/^cannot start domain x: y{400,480}$/)
})

test("leaves an abort and the port's own errors alone", () => {
  const abort = new DOMException('stop', 'AbortError')
  expect(toHypervisorError(abort, 'x')).toBe(abort)
  const own = new HypervisorError('conflict', 'mine')
  expect(toHypervisorError(own, 'x')).toBe(own)
})
