import { readTypedParams, typedParams } from '../../src/index.ts'
import { assignments, fields, firstColumn, sortedLines } from '../fixtures/virsh.ts'
import { memoryTags, names, plain, text, words, wordsOf, returned } from './readers.ts'
import { same, xmlOf } from './world.ts'
import type { Case } from './world.ts'

export const domainStatisticsCases: readonly Case[] = [
  [
    'domblkinfo nlv-oracle vda',
    fields,
    async (w) => {
      const info = await w.host.query('domainGetBlockInfo', { dom: w.dom, path: 'vda' })
      return text({ Capacity: info.capacity, Allocation: info.allocation, Physical: info.physical })
    },
  ],
  [
    'domblkstat nlv-oracle vda',
    (output: string) => wordsOf(output, 'vda'),
    async (w) => {
      const s = await readTypedParams(w.host, 'domainBlockStatsFlags', { dom: w.dom, path: 'vda' })
      return text({
        rd_req: s['rd_operations'],
        rd_bytes: s['rd_bytes'],
        wr_req: s['wr_operations'],
        wr_bytes: s['wr_bytes'],
        flush_operations: s['flush_operations'],
        rd_total_times: s['rd_total_times'],
        wr_total_times: s['wr_total_times'],
        flush_total_times: s['flush_total_times'],
      })
    },
  ],
  [
    'dommemstat nlv-oracle',
    (output: string) => memoryTags.map(([tag]) => words(output)[tag]),
    async (w) => {
      const { stats } = await w.host.query('domainMemoryStats', { dom: w.dom, maxStats: 16 })
      return memoryTags.map(([, tag]) => String(stats.find((stat) => stat.tag === tag)?.val))
    },
  ],
  [
    'vcpucount nlv-oracle --maximum --live',
    same,
    async (w) => String((await w.host.query('domainGetVcpusFlags', { dom: w.dom, flags: 5 })).num),
  ],
  [
    'vcpucount nlv-oracle --current --live',
    same,
    async (w) => String((await w.host.query('domainGetVcpusFlags', { dom: w.dom, flags: 1 })).num),
  ],
  [
    'vcpuinfo nlv-oracle',
    (output: string) => {
      const f = fields(output)
      return [f['VCPU'], f['State']]
    },
    async (w) => {
      const { info } = await w.host.query('domainGetVcpus', { dom: w.dom, maxinfo: 1, maplen: 1 })
      return [String(info[0]?.number), info[0]?.state === 1 ? 'running' : 'other']
    },
  ],
  [
    'vcpupin nlv-oracle',
    (output: string) => firstColumn(output).length,
    async (w) =>
      (await w.host.query('domainGetVcpuPinInfo', { dom: w.dom, ncpumaps: 1, maplen: 1, flags: 1 })).num,
  ],
  [
    'iothreadinfo nlv-oracle',
    firstColumn,
    async (w) =>
      (await w.host.query('domainGetIothreadInfo', { dom: w.dom, flags: 1 })).info
        .map(({ iothreadId }) => String(iothreadId))
        .toSorted(),
  ],
  [
    'memtune nlv-oracle --config',
    (output: string) => fields(output)['hard_limit'],
    async (w) => {
      const p = await readTypedParams(w.host, 'domainGetMemoryParameters', { dom: w.dom, flags: 2 })
      return p['hard_limit'] === 9007199254740991n ? 'unlimited' : String(p['hard_limit'])
    },
  ],
  [
    'numatune nlv-oracle --config',
    (output: string) => fields(output)['numa_mode'],
    async (w) => {
      const p = await readTypedParams(w.host, 'domainGetNumaParameters', { dom: w.dom, flags: 2 })
      return p['numa_mode'] === 0 ? 'strict' : String(p['numa_mode'])
    },
  ],
  [
    'blkiotune nlv-oracle --config',
    (output: string) => fields(output)['weight'],
    async (w) => {
      const p = await readTypedParams(w.host, 'domainGetBlkioParameters', { dom: w.dom, flags: 2 })
      return String(p['weight'])
    },
  ],
  [
    'blkdeviotune nlv-oracle vda --live',
    fields,
    async (w) =>
      text(await readTypedParams(w.host, 'domainGetBlockIoTune', { dom: w.dom, disk: 'vda', flags: 1 })),
  ],
  [
    'domiftune nlv-oracle 52:54:00:12:34:56 --config',
    (output: string) => words(output.replaceAll(':', ' ')),
    async (w) =>
      text(
        await readTypedParams(w.host, 'domainGetInterfaceParameters', {
          dom: w.dom,
          device: '52:54:00:12:34:56',
          flags: 2,
        }),
      ),
  ],
  [
    'domstats --state --balloon --vcpu --raw nlv-oracle',
    assignments,
    async (w) => {
      const { retStats } = await w.host.query('connectGetAllDomainStats', { doms: [w.dom], stats: 1 | 4 | 8 })
      return plain(typedParams(retStats[0]?.params ?? []))
    },
  ],
  [
    'domstats --block --raw nlv-oracle',
    assignments,
    async (w) => {
      const { retStats } = await w.host.query('connectGetAllDomainStats', { doms: [w.dom], stats: 32 })
      return plain(typedParams(retStats[0]?.params ?? []))
    },
  ],
  [
    'domjobinfo nlv-oracle',
    (output: string) => fields(output)['Job type'],
    async (w) => ((await w.host.query('domainGetJobInfo', { dom: w.dom })).type === 0 ? 'None' : 'other'),
  ],
  [
    'qemu-monitor-command nlv-oracle --hmp info status',
    same,
    async (w) =>
      (
        await w.host.query('qemuDomainMonitorCommand', { dom: w.dom, cmd: 'info status', flags: 1 })
      ).result.trim(),
  ],
  [
    'qemu-monitor-command nlv-oracle {"execute":"query-version"}',
    returned,
    async (w) =>
      returned(
        (
          await w.host.query('qemuDomainMonitorCommand', {
            dom: w.dom,
            cmd: '{"execute":"query-version"}',
          })
        ).result,
      ),
  ],
  [
    'checkpoint-list --name nlv-oracle',
    sortedLines,
    async (w) => names((await w.host.query('domainListAllCheckpoints', { dom: w.dom })).checkpoints),
  ],
  [
    'checkpoint-dumpxml nlv-oracle nlv-check',
    xmlOf,
    async (w) =>
      (
        await w.host.query('domainCheckpointGetXmlDesc', { checkpoint: { name: 'nlv-check', dom: w.dom } })
      ).xml.trim(),
  ],
  [
    'snapshot-list --name nlv-oracle',
    same,
    async (w) => names((await w.host.query('domainListAllSnapshots', { dom: w.dom })).snapshots).join('\n'),
  ],
  [
    'domxml-to-native qemu-argv --domain nlv-oracle',
    (output: string) => output.includes('-name guest=nlv-oracle'),
    async (w) =>
      (
        await w.host.query('connectDomainXmlToNative', {
          nativeFormat: 'qemu-argv',
          domainXml: (await w.host.query('domainGetXmlDesc', { dom: w.dom, flags: 8 })).xml,
        })
      ).nativeConfig.includes('-name guest=nlv-oracle'),
  ],
]
