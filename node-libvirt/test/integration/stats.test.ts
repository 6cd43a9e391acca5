import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  LibvirtHost,
  readTypedParams,
  typedParam,
  typedParams,
  virDomainStatsTypes,
} from '../../src/index.ts'
import { domainXml, removeDomain, startDomain } from '../fixtures/domains.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'

let libvirtd: PrivateLibvirtd
let host: LibvirtHost

beforeAll(async () => {
  libvirtd = await PrivateLibvirtd.start()
  host = await LibvirtHost.connect(libvirtd.uri)
})

afterAll(async () => {
  await host.close()
  await libvirtd[Symbol.asyncDispose]()
})

test('statistics of all domains in one call', async () => {
  await using running = await startDomain(host)
  const defined = []
  for (let index = 0; index < 50; index++)
    defined.push((await host.query('domainDefineXml', { xml: domainXml() })).dom)
  const { retStats } = await host.query('connectGetAllDomainStats', { doms: [], stats: 0 })
  expect(retStats).toHaveLength(51)
  const mine = retStats.find(({ dom }) => dom.uuid === running.dom.uuid)
  expect(typedParams(mine?.params ?? [])).toMatchObject({
    'state.state': 1,
    'balloon.maximum': 32_768n,
    'vcpu.current': 1,
    'cpu.time': expect.any(BigInt),
  })
  const { retStats: states } = await host.query('connectGetAllDomainStats', {
    doms: [running.dom],
    stats: virDomainStatsTypes.VIR_DOMAIN_STATS_STATE,
  })
  expect(states).toEqual([
    {
      dom: running.dom,
      params: [typedParam.int('state.state', 1), typedParam.int('state.reason', 1)],
    },
  ])
  for (const dom of defined) await removeDomain(host, dom)
})

describe('typed parameters', () => {
  test.each([
    ['domainGetMemoryParameters', ['hard_limit', 'soft_limit', 'swap_hard_limit']],
    ['domainGetNumaParameters', ['numa_mode', 'numa_nodeset']],
    ['domainGetBlkioParameters', ['weight', 'device_weight', 'device_read_bytes_sec']],
  ] as const)('%s gives all of them, strings too', async (name, fields) => {
    const { dom } = await host.query('domainDefineXml', { xml: domainXml() })
    expect(Object.keys(await readTypedParams(host, name, { dom }))).toEqual(
      expect.arrayContaining([...fields]),
    )
    await removeDomain(host, dom)
  })

  test('what is set is read back', async () => {
    const { dom } = await host.query('domainDefineXml', { xml: domainXml() })
    const params = [typedParam.ullong('hard_limit', 123_456n)]
    await host.query('domainSetMemoryParameters', { dom, params, flags: 2 })
    expect(await readTypedParams(host, 'domainGetMemoryParameters', { dom, flags: 2 })).toMatchObject({
      hard_limit: 123_456n,
    })
    await removeDomain(host, dom)
  })

  test('of a disk: limits and counters', async () => {
    const disk = `<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/zero'/>
      <target dev='vda' bus='virtio'/><readonly/></disk>`
    const xml = domainXml({ devices: disk })
    const { dom } = await host.query('domainDefineXml', { xml })
    const limits = [typedParam.ullong('total_iops_sec', 77n), typedParam.string('group_name', 'together')]
    await host.query('domainSetBlockIoTune', { dom, disk: 'vda', params: limits, flags: 2 })
    expect(await readTypedParams(host, 'domainGetBlockIoTune', { dom, disk: 'vda', flags: 2 })).toMatchObject(
      {
        total_iops_sec: 77n,
        group_name: 'together',
      },
    )
    await removeDomain(host, dom)
  })
})
