import { fields, sortedLines } from '../fixtures/virsh.ts'
import { kib, names } from './readers.ts'
import { same, xmlOf } from './world.ts'
import type { Case } from './world.ts'

export const domainCases: readonly Case[] = [
  [
    'list --all --name',
    sortedLines,
    async (w) => names((await w.host.query('connectListAllDomains')).domains),
  ],
  [
    'list --all --uuid',
    same,
    async (w) => (await w.host.query('connectListAllDomains')).domains.map(({ uuid }) => uuid).join('\n'),
  ],
  [
    'list --inactive --name',
    same,
    async (w) => names((await w.host.query('connectListAllDomains', { flags: 2 })).domains).join('\n'),
  ],
  [
    'domid nlv-oracle',
    same,
    async (w) => String((await w.host.query('domainLookupByUuid', { uuid: w.dom.uuid })).dom.id),
  ],
  [
    'domuuid nlv-oracle',
    same,
    async (w) => (await w.host.query('domainLookupByName', { name: 'nlv-oracle' })).dom.uuid,
  ],
  [
    'domstate --reason nlv-oracle',
    same,
    async (w) => {
      const { state, reason } = await w.host.query('domainGetState', { dom: w.dom })
      return state === 3 && reason === 11
        ? 'paused (starting up)'
        : state === 3 && reason === 1
          ? 'paused (user)'
          : `${state} ${reason}`
    },
  ],
  [
    'dominfo nlv-oracle',
    (output: string) => {
      const {
        Id,
        Name,
        UUID,
        'CPU(s)': cpus,
        'Max memory': max,
        'Used memory': used,
        Persistent,
        Autostart,
        'Managed save': saved,
      } = fields(output)
      return { Id, Name, UUID, cpus, max, used, Persistent, Autostart, saved }
    },
    async (w) => {
      const { dom } = w
      const info = await w.host.query('domainGetInfo', { dom })
      const persistent = (await w.host.query('domainIsPersistent', { dom })).persistent
      const { autostart } = await w.host.query('domainGetAutostart', { dom })
      const { result } = await w.host.query('domainHasManagedSaveImage', { dom })
      return {
        Id: String(dom.id),
        Name: dom.name,
        UUID: dom.uuid,
        cpus: String(info.nrVirtCpu),
        max: kib(info.maxMem),
        used: kib(info.memory),
        Persistent: persistent === 1 ? 'yes' : 'no',
        Autostart: autostart === 1 ? 'enable' : 'disable',
        saved: result === 1 ? 'yes' : 'no',
      }
    },
  ],
  [
    'dumpxml nlv-oracle',
    xmlOf,
    async (w) => (await w.host.query('domainGetXmlDesc', { dom: w.dom })).xml.trim(),
  ],
  [
    'dumpxml --inactive nlv-oracle',
    xmlOf,
    async (w) => (await w.host.query('domainGetXmlDesc', { dom: w.dom, flags: 2 })).xml.trim(),
  ],
  [
    'dumpxml --security-info nlv-oracle',
    xmlOf,
    async (w) => (await w.host.query('domainGetXmlDesc', { dom: w.dom, flags: 1 })).xml.trim(),
  ],
  [
    'domcontrol nlv-oracle',
    same,
    async (w) => ((await w.host.query('domainGetControlInfo', { dom: w.dom })).state === 0 ? 'ok' : 'busy'),
  ],
  [
    'desc nlv-oracle',
    same,
    async (w) => (await w.host.query('domainGetMetadata', { dom: w.dom, type: 0 })).metadata,
  ],
  [
    'desc --title nlv-oracle',
    same,
    async (w) => (await w.host.query('domainGetMetadata', { dom: w.dom, type: 1 })).metadata,
  ],
]
