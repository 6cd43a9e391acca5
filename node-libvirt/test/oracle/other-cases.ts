import { fields, firstColumn, sortedLines } from '../fixtures/virsh.ts'
import { names } from './readers.ts'
import { same, xmlOf } from './world.ts'
import type { Case } from './world.ts'

export const otherCases: readonly Case[] = [
  [
    'net-list --all --name',
    sortedLines,
    async (w) => names((await w.host.query('connectListAllNetworks')).nets),
  ],
  [
    'net-uuid nlv-net',
    same,
    async (w) => (await w.host.query('networkLookupByName', { name: 'nlv-net' })).net.uuid,
  ],
  [
    'net-dumpxml nlv-net',
    xmlOf,
    async (w) => (await w.host.query('networkGetXmlDesc', { net: w.net })).xml.trim(),
  ],
  [
    'net-info nlv-net',
    (output: string) => {
      const f = fields(output)
      return [f['Active'], f['Bridge'], f['Autostart']]
    },
    async (w) => [
      (await w.host.query('networkIsActive', { net: w.net })).active === 1 ? 'yes' : 'no',
      (await w.host.query('networkGetBridgeName', { net: w.net })).name,
      (await w.host.query('networkGetAutostart', { net: w.net })).autostart === 1 ? 'yes' : 'no',
    ],
  ],
  [
    'secret-list',
    firstColumn,
    async (w) => (await w.host.query('connectListAllSecrets')).secrets.map(({ uuid }) => uuid).toSorted(),
  ],
  [
    'secret-dumpxml SECRET',
    xmlOf,
    async (w) => (await w.host.query('secretGetXmlDesc', { secret: w.secret })).xml.trim(),
  ],
  [
    'secret-get-value SECRET --plain',
    same,
    async (w) => Buffer.from((await w.host.query('secretGetValue', { secret: w.secret })).value).toString(),
  ],
  [
    'nwfilter-list',
    (output: string) =>
      sortedLines(output)
        .map((line) => line.split(/\s+/)[1] ?? '')
        .toSorted(),
    async (w) => names((await w.host.query('connectListAllNwfilters')).filters),
  ],
  [
    'nwfilter-dumpxml nlv-filter',
    xmlOf,
    async (w) => (await w.host.query('nwfilterGetXmlDesc', { nwfilter: w.filter })).xml.trim(),
  ],
]
