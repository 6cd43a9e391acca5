import { fields, firstColumn, sortedLines } from '../fixtures/virsh.ts'
import { gib, names, withoutSizes } from './readers.ts'
import { same, xmlOf } from './world.ts'
import type { Case } from './world.ts'

export const storageCases: readonly Case[] = [
  [
    'pool-list --all --name',
    sortedLines,
    async (w) => names((await w.host.query('connectListAllStoragePools')).pools),
  ],
  [
    'pool-uuid nlv-pool',
    same,
    async (w) => (await w.host.query('storagePoolLookupByName', { name: 'nlv-pool' })).pool.uuid,
  ],
  [
    'pool-dumpxml nlv-pool',
    (output: string) => withoutSizes(output),
    async (w) => withoutSizes((await w.host.query('storagePoolGetXmlDesc', { pool: w.pool })).xml),
  ],
  [
    'pool-info --bytes nlv-pool',
    (output: string) => {
      const f = fields(output)
      return [f['State'], f['Capacity'], f['Persistent']]
    },
    async (w) => {
      const info = await w.host.query('storagePoolGetInfo', { pool: w.pool })
      const { persistent } = await w.host.query('storagePoolIsPersistent', { pool: w.pool })
      return [info.state === 2 ? 'running' : 'other', String(info.capacity), persistent === 1 ? 'yes' : 'no']
    },
  ],
  [
    'pool-info nlv-pool',
    (output: string) => fields(output)['Capacity'],
    async (w) => `${gib((await w.host.query('storagePoolGetInfo', { pool: w.pool })).capacity)} GiB`,
  ],
  [
    'vol-list nlv-pool',
    firstColumn,
    async (w) => names((await w.host.query('storagePoolListAllVolumes', { pool: w.pool })).vols),
  ],
  [
    'vol-info --bytes --pool nlv-pool nlv.qcow2',
    (output: string) => fields(output)['Capacity'],
    async (w) => `${(await w.host.query('storageVolGetInfo', { vol: w.vol })).capacity} bytes`,
  ],
  [
    'vol-dumpxml --pool nlv-pool nlv.qcow2',
    xmlOf,
    async (w) => (await w.host.query('storageVolGetXmlDesc', { vol: w.vol })).xml.trim(),
  ],
  [
    'vol-path --pool nlv-pool nlv.qcow2',
    same,
    async (w) => (await w.host.query('storageVolGetPath', { vol: w.vol })).name,
  ],
  [
    'vol-key --pool nlv-pool nlv.qcow2',
    same,
    async (w) => (await w.host.query('storageVolLookupByName', { pool: w.pool, name: 'nlv.qcow2' })).vol.key,
  ],
]
