import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { DhcpHost, NetworkDriver } from '../../node-daemon/network/network-driver.ts'
import type { NatNetworkSpec } from '../../node-daemon/network/nat-network.ts'

/** Networks under test, with the means to look at them from outside. */
export interface NetworksUnderTest {
  readonly networks: NetworkDriver
  /** A bridge that the host has. */
  readonly bridge: string
  /** What DHCP hands out on this network, by the host's own account, sorted by address. */
  dhcpHosts(network: string): Promise<readonly Omit<DhcpHost, 'name'>[]>
  /** The gateway address that the network has in force. */
  gateway(network: string): Promise<string | undefined>
  /** A network that is not Kvorum's, of exactly the name that Kvorum would give one of this name. */
  addForeignNetwork(name: string, cidr: string): Promise<void>
  /** Takes the network down behind Kvorum's back; `ensureNetwork` is to bring it back. */
  takeDown(network: string): Promise<void>
  dispose(): Promise<void>
}

/** What every implementation of `NetworkDriver` must do. Skipped, with the reason, when something is missing for it. */
export function networkConformance(
  name: string,
  create: () => Promise<NetworksUnderTest>,
  missing?: string,
): void {
  const needs = missing === undefined ? '' : ` (needs ${missing})`
  describe.skipIf(missing !== undefined)(`${name}: networks${needs}`, () => {
    let subject: NetworksUnderTest
    let networks: NetworkDriver
    const made = new Set<string>()

    beforeAll(async () => {
      subject = await create()
      networks = subject.networks
    })
    afterEach(async () => {
      for (const network of made) await networks.removeNetwork(network)
      made.clear()
    })
    afterAll(() => subject.dispose())

    const newNat = (change: Partial<NatNetworkSpec> = {}): NatNetworkSpec => {
      const network = `conf-${randomUUID()}`
      made.add(network)
      return {
        type: 'nat',
        name: network,
        cidr: '10.213.77.0/24',
        gateway: '10.213.77.1',
        dhcpStart: '10.213.77.2',
        dhcpEnd: '10.213.77.254',
        dns: [],
        ...change,
      }
    }
    const aHost = (last: number, change: Partial<DhcpHost> = {}): DhcpHost => ({
      macAddress: `52:54:00:13:77:${last.toString(16).padStart(2, '0')}`,
      ipAddress: `10.213.77.${last}`,
      name: `vm-${last}`,
      ...change,
    })
    const brief = ({ macAddress, ipAddress }: DhcpHost) => ({ macAddress, ipAddress })

    describe('a NAT network', () => {
      test('comes up, says its bridge, and is listed; doing it again changes nothing', async () => {
        const spec = newNat({ dns: ['192.0.2.53', '192.0.2.54'], mtu: 1400 })
        const { bridge } = await networks.ensureNetwork(spec)
        expect(bridge).toMatch(/^[a-z0-9-]{1,15}$/)
        expect(await networks.ensureNetwork(spec)).toEqual({ bridge })
        expect(await subject.gateway(spec.name)).toBe('10.213.77.1')
        expect(await networks.listNetworks()).toContain(spec.name)
      })

      test('is removed, and may be removed again', async () => {
        const spec = newNat()
        await networks.ensureNetwork(spec)
        await networks.removeNetwork(spec.name)
        expect(await networks.listNetworks()).not.toContain(spec.name)
        expect(await subject.gateway(spec.name)).toBeUndefined()
        await networks.removeNetwork(spec.name)
      })

      test('takes other settings and keeps its bridge and DHCP entries', async () => {
        const spec = newNat()
        const { bridge } = await networks.ensureNetwork(spec)
        await networks.ensureDhcpHost(spec.name, aHost(9))
        expect(
          await networks.ensureNetwork({ ...spec, gateway: '10.213.77.254', dhcpEnd: '10.213.77.200' }),
        ).toEqual({
          bridge,
        })
        expect(await subject.gateway(spec.name)).toBe('10.213.77.254')
        expect(await subject.dhcpHosts(spec.name)).toEqual([brief(aHost(9))])
      })

      test('under a name that is taken by somebody else is a conflict', async () => {
        const spec = newNat()
        await subject.addForeignNetwork(spec.name, '10.213.78.0/24')
        await expect(networks.ensureNetwork(spec)).rejects.toMatchObject({ code: 'conflict' })
        await networks.removeNetwork(spec.name)
        await expect(networks.ensureNetwork(spec)).rejects.toMatchObject({ code: 'conflict' })
        expect(await networks.listNetworks()).not.toContain(spec.name)
      })

      test("over another network's addresses is a conflict that names both", async () => {
        const first = newNat()
        await networks.ensureNetwork(first)
        const second = newNat({
          cidr: '10.213.77.128/25',
          gateway: '10.213.77.129',
          dhcpStart: '10.213.77.130',
        })
        await expect(networks.ensureNetwork(second)).rejects.toMatchObject({
          code: 'conflict',
          message: expect.stringMatching(
            new RegExp(`10.213.77.128/25 overlaps 10.213.77.0/24.*${first.name}`),
          ) as string,
        })
        expect(await networks.listNetworks()).not.toContain(second.name)
      })

      test('with addresses that do not fit is invalid', async () => {
        const spec = newNat({ gateway: '10.213.79.1' })
        await expect(networks.ensureNetwork(spec)).rejects.toMatchObject({ code: 'invalid' })
        expect(await networks.listNetworks()).not.toContain(spec.name)
      })
    })

    describe('a bridge', () => {
      test('that the host has is what machines plug into', async () => {
        const spec = { type: 'bridge', name: 'conf-bridged', bridge: subject.bridge } as const
        expect(await networks.ensureNetwork(spec)).toEqual({ bridge: subject.bridge })
        await networks.removeNetwork(spec.name)
        expect(await networks.ensureNetwork(spec)).toEqual({ bridge: subject.bridge })
      })

      test.each(['conf-none', 'lo'])(
        '%s, which the host does not have, is not found, by name',
        async (bridge) => {
          const wanted = networks.ensureNetwork({ type: 'bridge', name: 'conf-bridged', bridge })
          const message = expect.stringContaining(bridge) as string
          await expect(wanted).rejects.toMatchObject({ code: 'not-found', message })
        },
      )
    })

    describe('DHCP', () => {
      test('hands an address to a card; doing it again changes nothing', async () => {
        const spec = newNat()
        await networks.ensureNetwork(spec)
        await networks.ensureDhcpHost(spec.name, aHost(5))
        await networks.ensureDhcpHost(spec.name, aHost(5))
        expect(await subject.dhcpHosts(spec.name)).toEqual([brief(aHost(5))])
      })

      test('gives a card another address, and an address to another card', async () => {
        const spec = newNat()
        await networks.ensureNetwork(spec)
        await networks.ensureDhcpHost(spec.name, aHost(5))
        await networks.ensureDhcpHost(spec.name, aHost(6))
        // Card 5 takes the address of card 6, and thereby loses its own.
        const moved = aHost(5, { ipAddress: aHost(6).ipAddress })
        await networks.ensureDhcpHost(spec.name, moved)
        expect(await subject.dhcpHosts(spec.name)).toEqual([brief(moved)])
      })

      test('knows two machines of one name', async () => {
        const spec = newNat()
        await networks.ensureNetwork(spec)
        await networks.ensureDhcpHost(spec.name, aHost(5, { name: 'web' }))
        await networks.ensureDhcpHost(spec.name, aHost(6, { name: 'web' }))
        await networks.ensureDhcpHost(spec.name, aHost(6, { name: 'web' }))
        expect(await subject.dhcpHosts(spec.name)).toEqual([brief(aHost(5)), brief(aHost(6))])
      })

      test('forgets a card, however its address is written, and may forget it again', async () => {
        const spec = newNat()
        await networks.ensureNetwork(spec)
        const host = aHost(171)
        await networks.ensureDhcpHost(spec.name, { ...host, macAddress: host.macAddress.toUpperCase() })
        await networks.removeDhcpHost(spec.name, host.macAddress.toUpperCase())
        expect(await subject.dhcpHosts(spec.name)).toEqual([])
        await networks.removeDhcpHost(spec.name, host.macAddress)
        await networks.removeDhcpHost('conf-none', host.macAddress)
      })

      test('many at once all get theirs', async () => {
        const spec = newNat()
        await networks.ensureNetwork(spec)
        const hosts = [11, 12, 13, 14].map((last) => aHost(last))
        await Promise.all(hosts.map((host) => networks.ensureDhcpHost(spec.name, host)))
        expect(await subject.dhcpHosts(spec.name)).toEqual(hosts.map(brief))
      })

      test('on no network is not found, and out of its range invalid', async () => {
        await expect(networks.ensureDhcpHost('conf-none', aHost(5))).rejects.toMatchObject({
          code: 'not-found',
        })
        const spec = newNat()
        await networks.ensureNetwork(spec)
        const outside = aHost(5, { ipAddress: '10.213.78.5' })
        await expect(networks.ensureDhcpHost(spec.name, outside)).rejects.toMatchObject({ code: 'invalid' })
        expect(await subject.dhcpHosts(spec.name)).toEqual([])
      })

      test('is the same after the network was down', async () => {
        const spec = newNat()
        await networks.ensureNetwork(spec)
        await networks.ensureDhcpHost(spec.name, aHost(5))
        await subject.takeDown(spec.name)
        expect(await subject.gateway(spec.name)).toBeUndefined()
        await networks.ensureDhcpHost(spec.name, aHost(6))
        await networks.ensureNetwork(spec)
        expect(await subject.gateway(spec.name)).toBe(spec.gateway)
        expect(await subject.dhcpHosts(spec.name)).toEqual([brief(aHost(5)), brief(aHost(6))])
      })
    })
  })
}
