import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect } from '../../cli/connect.ts'
import type { CommandContext } from '../../cli/context.ts'
import { aTinyMachine, type KubeObject } from '../support/kvorum-system-objects.ts'
import { bareDomain, type BareDomain } from './machines-domain.ts'

const execFileAsync = promisify(execFile)
const [kubeconfig = '', directory = '', rounds = '5', atOnce = '20'] = process.argv.slice(2)
const machinesPath = '/apis/kvorum.dev/v1alpha1/namespaces/default/virtualmachines'
const giveUpMs = 120_000

interface Stages {
  /** Milliseconds from the start of the request until a watch said so. */
  readonly placed: number
  readonly running: number
}

/** Applies all machines at the same time; resolves, per machine, to when it was placed and when it ran. */
async function applyAndWait(context: CommandContext, names: readonly string[]): Promise<Map<string, Stages>> {
  const done = new AbortController()
  const timer = setTimeout(
    () => done.abort(new Error(`not all machines ran within ${giveUpMs} ms`)),
    giveUpMs,
  )
  const list = (await context.api.json({ method: 'GET', path: machinesPath })) as KubeObject
  const { resourceVersion } = list.metadata
  const startedAt = performance.now()
  const seen = watchStages(context, names, { resourceVersion, startedAt, signal: done.signal })
  await Promise.all(names.map((name) => applyOne(context, name)))
  const stages = await seen
  clearTimeout(timer)
  done.abort()
  return stages
}

async function watchStages(
  { api }: CommandContext,
  names: readonly string[],
  from: { readonly resourceVersion: string; readonly startedAt: number; readonly signal: AbortSignal },
): Promise<Map<string, Stages>> {
  const placed = new Map<string, number>()
  const stages = new Map<string, Stages>()
  const query = { watch: 'true', resourceVersion: from.resourceVersion }
  for await (const event of api.lines({ method: 'GET', path: machinesPath, query, signal: from.signal })) {
    const { metadata, status } = (event as { readonly object: KubeObject }).object
    const ms = performance.now() - from.startedAt
    if (status?.hostName !== undefined) setOnce(placed, metadata.name, ms)
    if (status?.phase === 'Running')
      setOnce(stages, metadata.name, { placed: placed.get(metadata.name) ?? ms, running: ms })
    if (names.every((each) => stages.has(each))) break
  }
  return stages
}

function setOnce<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key)) map.set(key, value)
}

async function applyOne({ api }: CommandContext, name: string): Promise<void> {
  await api.json({
    method: 'PATCH',
    path: `${machinesPath}/${name}`,
    query: { fieldManager: 'bench', fieldValidation: 'Strict' },
    contentType: 'application/apply-patch+yaml',
    body: aTinyMachine(name, { terminationGracePeriodSeconds: 0 }),
  })
}

/** What libvirt would be asked for without Kvorum: read back while the machines run, disks copied. */
async function readBare(context: CommandContext, names: readonly string[]): Promise<BareDomain[]> {
  return Promise.all(
    names.map(async (name) => {
      const machine = await context.api.json({ method: 'GET', path: `${machinesPath}/${name}` })
      const { uuid = '' } = (machine as KubeObject).status ?? {}
      const bare = bareDomain(await run('virsh', 'dumpxml', '--inactive', uuid))
      await writeFile(join(directory, `${bare.name}.xml`), bare.xml)
      await run('cp', bare.originalDisk, bare.disk)
      return bare
    }),
  )
}

async function deleteAll(context: CommandContext, names: readonly string[]): Promise<void> {
  for (const name of names) await context.api.json({ method: 'DELETE', path: `${machinesPath}/${name}` })
  await run(
    'kubectl',
    `--kubeconfig=${kubeconfig}`,
    'wait',
    '--for=delete',
    'vm,disk',
    '--all',
    '--timeout=120s',
  )
}

/** `virsh define && virsh start` of all at the same time; as `applyAndWait`. */
async function defineAndStart(domains: readonly BareDomain[]): Promise<number[]> {
  const startedAt = performance.now()
  return Promise.all(
    domains.map(async ({ name }) => {
      await run('virsh', '--quiet', 'define', join(directory, `${name}.xml`))
      await run('virsh', '--quiet', 'start', name)
      return performance.now() - startedAt
    }),
  )
}

async function removeBare(domains: readonly BareDomain[]): Promise<void> {
  for (const { name, disk } of domains) {
    await run('virsh', '--quiet', 'destroy', name)
    await run('virsh', '--quiet', 'undefine', name)
    await run('rm', disk)
  }
}

async function run(file: string, ...args: readonly string[]): Promise<string> {
  return (await execFileAsync(file, args, { timeout: giveUpMs })).stdout
}

interface Measurement {
  readonly what: string
  readonly placed: number
  readonly kvorum: number
  readonly bare: number
}

/** One round: the same machines by Kvorum and, right after, by virsh. */
async function measure(
  context: CommandContext,
  names: readonly string[],
  what: string,
): Promise<Measurement> {
  const stages = [...(await applyAndWait(context, names)).values()]
  const bare = await readBare(context, names)
  await deleteAll(context, names)
  const times = await defineAndStart(bare)
  await removeBare(bare)
  return {
    what,
    placed: median(stages.map(({ placed }) => placed)),
    kvorum: median(stages.map(({ running }) => running)),
    bare: median(times),
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function print({ what, placed, kvorum, bare }: Measurement): void {
  const ms = (value: number) => value.toFixed(0).padStart(7)
  console.log(
    `${what.padEnd(24)}${ms(placed)}${ms(kvorum)}${ms(bare)}${ms(kvorum - bare)}   ×${(kvorum / bare).toFixed(2)}`,
  )
}

const { context } = connect({ kubeconfig }, new AbortController().signal)
// The first machine also pays for what only ever happens once, such as libvirt's look at QEMU.
await measure(context, ['warm-up'], 'warm-up')
console.log('milliseconds per machine: until placed, until Running, virsh define && start, added, ratio\n')
const singles: Measurement[] = []
for (let round = 1; round <= Number(rounds); round++) {
  const measured = await measure(context, [`single-${round}`], `one machine, round ${round}`)
  singles.push(measured)
  print(measured)
}
print({
  what: 'one machine, median',
  placed: median(singles.map(({ placed }) => placed)),
  kvorum: median(singles.map(({ kvorum }) => kvorum)),
  bare: median(singles.map(({ bare }) => bare)),
})
const names = Array.from({ length: Number(atOnce) }, (_, index) => `many-${index}`)
if (names.length > 0) print(await measure(context, names, `${names.length} at once, median`))
await context.api.close()
