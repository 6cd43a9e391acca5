import { fields, sortedLines } from '../fixtures/virsh.ts'
import { dotted, kib, names } from './readers.ts'
import { same, xmlOf } from './world.ts'
import type { Case } from './world.ts'

export const hostCases: readonly Case[] = [
  ['hostname', same, async (w) => (await w.host.query('connectGetHostname')).hostname],
  [
    'uri',
    same,
    async (w) =>
      (await w.host.query('connectGetUri')).uri.replace(
        'qemu:///system',
        `qemu+unix:///system?socket=${w.libvirtd.socket}`,
      ),
  ],
  ['capabilities', xmlOf, async (w) => (await w.host.query('connectGetCapabilities')).capabilities.trim()],
  [
    'domcapabilities --virttype qemu',
    xmlOf,
    async (w) =>
      (await w.host.query('connectGetDomainCapabilities', { virttype: 'qemu' })).capabilities.trim(),
  ],
  [
    'nodeinfo',
    fields,
    async (w) => {
      const info = await w.host.query('nodeGetInfo')
      return {
        'CPU model': info.model,
        'CPU(s)': String(info.cpus),
        'CPU frequency': `${info.mhz} MHz`,
        'CPU socket(s)': String(info.sockets),
        'Core(s) per socket': String(info.cores),
        'Thread(s) per core': String(info.threads),
        'NUMA cell(s)': String(info.nodes),
        'Memory size': kib(info.memory),
      }
    },
  ],
  [
    'nodecpumap',
    (output: string) => fields(output)['CPUs present'],
    async (w) => String((await w.host.query('nodeGetCpuMap', { needMap: 1, needOnline: 1 })).ret),
  ],
  [
    'cpu-models x86_64',
    sortedLines,
    async (w) =>
      (await w.host.query('connectGetCpuModelNames', { arch: 'x86_64', needResults: 1 })).models.toSorted(),
  ],
  [
    'maxvcpus --type qemu',
    same,
    async (w) => {
      const { capabilities } = await w.host.query('connectGetDomainCapabilities', { virttype: 'qemu' })
      return /<vcpu max='(\d+)'/.exec(capabilities)?.[1]
    },
  ],
  [
    'version --daemon',
    (output: string) => /daemon: (\S+)/.exec(output)?.[1],
    async (w) => dotted((await w.host.query('connectGetLibVersion')).libVer),
  ],
  [
    'version',
    (output: string) => /hypervisor: QEMU (\S+)/.exec(output)?.[1],
    async (w) => dotted((await w.host.query('connectGetVersion')).hvVer),
  ],
  [
    'node-memory-tune',
    (output: string) => Object.keys(fields(output)).length > 1,
    async (w) => (await w.host.query('nodeGetMemoryParameters', { nparams: 0 })).nparams > 0,
  ],
  [
    'freepages --all',
    (output: string) => /4KiB: \d+/.test(output),
    async (w) =>
      (await w.host.query('nodeGetFreePages', { pages: [4], startCell: 0, cellCount: 1 })).counts.length ===
      1,
  ],
  [
    'pool-capabilities',
    xmlOf,
    async (w) => (await w.host.query('connectGetStoragePoolCapabilities')).capabilities.trim(),
  ],
  [
    'nodedev-list',
    sortedLines,
    async (w) => names((await w.host.query('connectListAllNodeDevices')).devices),
  ],
  [
    'nodedev-dumpxml computer',
    xmlOf,
    async (w) => (await w.host.query('nodeDeviceGetXmlDesc', { name: 'computer' })).xml.trim(),
  ],
]
