/**
 * Compares this library with virsh and, where it compiles, an N-API binding, in one run against a libvirtd of its own.
 * Run as root: `node --expose-gc bench/bench.ts`. Prints the table of the README.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createReadStream, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { LibvirtHost, typedParams } from '../src/index.ts'
import type { Domain } from '../src/index.ts'
import { domainXml, nextEvent, ofType, startDomain } from '../test/fixtures/domains.ts'
import { PrivateLibvirtd } from '../test/fixtures/private-libvirtd.ts'
import { createPool, createVolume } from '../test/fixtures/storage.ts'
import { atOnce, measure, median, oneByOne } from './measure.ts'
import type { Cost } from './measure.ts'

interface Binding {
  readonly open: (uri: string, name: string) => boolean
  readonly getInfo: () => Promise<unknown>
}

const rate = ({ calls, seconds, cpu }: Cost) => `${Math.round(cpu)} µs, ${Math.round(calls / seconds)}/s`
const rounds = 3

async function main(): Promise<void> {
  await using libvirtd = await PrivateLibvirtd.start()
  await using host = await LibvirtHost.connect(libvirtd.uri)
  await using guest = await startDomain(host)
  const { dom } = guest
  const uri = `qemu+unix:///system?socket=${libvirtd.socket}`
  const binding = compileBinding(libvirtd.directory)
  if (binding?.open(uri, dom.name) === false) throw new Error('The binding cannot open the domain')
  const cells: [string, string, string, string, string][] = [
    ['300,000 calls: heap, resident', ...(await memory(host, dom))],
    ['one call after the other: CPU, calls', ...(await sequential(host, dom, binding, uri))],
    ['50 callers at once: CPU, calls', ...(await concurrent(host, dom, binding))],
  ]
  for (let index = 0; index < 50; index++) await host.query('domainDefineXml', { xml: domainXml() })
  cells.push(['statistics of 51 domains: CPU', ...(await statistics(host, uri))])
  cells.push(['from a call to its event, median', ...(await events(host, dom))])
  cells.push(...(await streams(host, libvirtd, uri)))
  console.log(
    '| | node-libvirt | N-API binding | virsh, one process | virsh per call |\n|---|---|---|---|---|',
  )
  for (const row of cells) console.log(`| ${row.join(' | ')} |`)
}

/** Compiles the addon with the machine's compiler, libvirt-dev and Node's headers; `undefined` where that fails. */
function compileBinding(directory: string): Binding | undefined {
  const output = join(directory, 'addon.node')
  const include = join(process.env['NODE_HEADERS'] ?? '/usr', 'include/node')
  const source = join(import.meta.dirname, 'addon.c')
  const args = ['-O2', '-shared', '-fPIC', `-I${include}`, '-o', output, source, '-lvirt']
  if (spawnSync('cc', args, { stdio: 'inherit' }).status !== 0) return undefined
  return createRequire(import.meta.url)(output) as Binding
}

async function best(calls: number, work: () => Promise<unknown>): Promise<string> {
  const costs: Cost[] = []
  await work()
  for (let round = 0; round < rounds; round++) costs.push(await measure(calls, work))
  const [middle] = costs.toSorted((a, b) => a.cpu - b.cpu).slice(1)
  return middle === undefined ? '' : rate(middle)
}

type Cells = [string, string, string, string]

async function sequential(
  host: LibvirtHost,
  dom: Domain,
  binding: Binding | undefined,
  uri: string,
): Promise<Cells> {
  const count = 3000
  const shellInput = 'domstate '.concat(dom.name, '\n').repeat(1000)
  const shell = await measure(1000, async () =>
    execFileSync('virsh', ['-q', '-c', uri], { input: shellInput, stdio: ['pipe', 'ignore', 'ignore'] }),
  )
  const single = await measure(30, () =>
    oneByOne(30, async () =>
      execFileSync('virsh', ['-q', '-c', uri, 'domstate', dom.name], { stdio: 'ignore' }),
    ),
  )
  return [
    await best(count, () => oneByOne(count, () => host.query('domainGetInfo', { dom }))),
    binding === undefined ? '–' : await best(count, () => oneByOne(count, () => binding.getInfo())),
    rate(shell),
    rate(single),
  ]
}

async function concurrent(host: LibvirtHost, dom: Domain, binding: Binding | undefined): Promise<Cells> {
  const count = 10_000
  return [
    await best(count, () => atOnce(50, count, () => host.query('domainGetInfo', { dom }))),
    binding === undefined ? '–' : await best(count, () => atOnce(50, count, () => binding.getInfo())),
    '–',
    '–',
  ]
}

async function statistics(host: LibvirtHost, uri: string): Promise<Cells> {
  const ask = async () => {
    const { retStats } = await host.query('connectGetAllDomainStats', { doms: [], stats: 0 })
    return retStats.map(({ params }) => typedParams(params))
  }
  await oneByOne(50, ask)
  const ours = await measure(200, () => oneByOne(200, ask))
  const shell = await measure(100, async () =>
    execFileSync('virsh', ['-q', '-c', uri], {
      input: 'domstats\n'.repeat(100),
      stdio: ['pipe', 'ignore', 'ignore'],
    }),
  )
  const single = await measure(20, () =>
    oneByOne(20, async () => execFileSync('virsh', ['-q', '-c', uri, 'domstats'], { stdio: 'ignore' })),
  )
  const ms = ({ cpu }: Cost) => `${(cpu / 1000).toFixed(2)} ms`
  return [ms(ours), '–', ms(shell), ms(single)]
}

async function events(host: LibvirtHost, dom: Domain): Promise<Cells> {
  const follower = host.listen()
  const times: number[] = []
  const isOfDomain = ofType('lifecycle', dom)
  for (let round = 0; round < 100; round++) {
    const start = performance.now()
    const happened = nextEvent(follower, isOfDomain).then(() => times.push(performance.now() - start))
    await host.query(round % 2 === 0 ? 'domainSuspend' : 'domainResume', { dom })
    await happened
  }
  return [`${median(times).toFixed(2)} ms`, '–', '–', '–']
}

async function streams(
  host: LibvirtHost,
  libvirtd: PrivateLibvirtd,
  uri: string,
): Promise<[string, ...Cells][]> {
  const mebibytes = 256
  const directory = join(libvirtd.directory, 'pool')
  const pool = await createPool(host, directory, 'nlv-bench')
  const vol = await createVolume(host, pool, { name: 'bench', bytes: mebibytes << 20 })
  const file = join(libvirtd.directory, 'data')
  writeFileSync(file, Buffer.alloc(mebibytes << 20, 'bench'))
  const speed = ({ seconds, cpu }: Cost) =>
    `${Math.round(mebibytes / seconds)} MiB/s, ${(cpu / 1000).toFixed(1)} ms/MiB`
  const virsh = (command: string) =>
    measure(mebibytes, async () =>
      execFileSync('virsh', ['-c', uri, command, '--pool', 'nlv-bench', 'bench', file], { stdio: 'ignore' }),
    )
  const up = await measure(mebibytes, async () => {
    const { stream } = await host.stream('storageVolUpload', { vol, offset: 0n, length: 0n })
    await pipeline(createReadStream(file, { highWaterMark: 262_144 }), stream)
  })
  const virshUp = await virsh('vol-upload')
  const down = await measure(mebibytes, async () => {
    const { stream } = await host.stream('storageVolDownload', { vol, offset: 0n, length: 0n })
    let bytes = 0
    for await (const piece of stream as AsyncIterable<Buffer>) bytes += piece.length
    if (bytes !== mebibytes << 20) throw new Error(`${bytes} bytes came`)
  })
  const virshDown = await virsh('vol-download')
  return [
    [`upload of ${mebibytes} MiB: speed, CPU`, speed(up), '–', '–', speed(virshUp)],
    [`download of ${mebibytes} MiB: speed, CPU`, speed(down), '–', '–', speed(virshDown)],
  ]
}

async function memory(host: LibvirtHost, dom: Domain): Promise<Cells> {
  const look = () => {
    globalThis.gc?.()
    const { heapUsed, rss } = process.memoryUsage()
    return [heapUsed / 1e6, rss / 1e6].map((value) => value.toFixed(1))
  }
  // V8 lets its young generation grow first.
  await atOnce(50, 200_000, () => host.query('domainGetInfo', { dom }))
  const [heapBefore = '', residentBefore = ''] = look()
  await atOnce(50, 300_000, () => host.query('domainGetInfo', { dom }))
  const [heapAfter = '', residentAfter = ''] = look()
  return [`${heapBefore} → ${heapAfter} MB, ${residentBefore} → ${residentAfter} MB`, '–', '–', '–']
}

await main()
