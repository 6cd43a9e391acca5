import { parseArgs } from 'node:util'
import { startEtcd } from '../../support/etcd.ts'
import { LoadClient } from './client.ts'
import { measure, runInFlight, type StageResult } from './load.ts'
import { measureEtcd, type RawRate } from './raw-etcd.ts'
import { header, line, megabytes, rawLine, referenceMegabytes } from './report.ts'
import { ServerProcess } from './server-process.ts'
import { Stages } from './stages.ts'
import { measureWatchers } from './watchers.ts'
import { widgetCrd, widgetsPath } from './widget.ts'

/**
 * What the API server costs under load: `node test/bench/api/main.ts [--objects 5000] [--json] [--node-flag=--cpu-prof]`.
 * The server runs in a process of its own, on an etcd of its own, and is asked over TLS. CPU is what the server's
 * process used, from /proc; `of ref.` is its share of kube-apiserver 1.36's, with `!` where that is too much. `stall`,
 * `hold` and `gc` are the longest times, in ms, that the event loop stood still, that code held it, and that garbage
 * was collected.
 */
const { values } = parseArgs({
  options: {
    objects: { type: 'string', default: '5000' },
    writes: { type: 'string', default: '2000' },
    reads: { type: 'string', default: '5000' },
    lists: { type: 'string', default: '20' },
    connections: { type: 'string', default: '8' },
    'node-flag': { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
})
const objects = Number(values.objects)
const options = {
  objects,
  writes: Number(values.writes),
  reads: Number(values.reads),
  lists: Number(values.lists),
}
const say = (text: string) => void (values.json || console.log(text))

async function run(server: ServerProcess): Promise<StageResult[]> {
  const client = new LoadClient(server.url, server.credentials, Number(values.connections))
  const results: StageResult[] = []
  const add = (result: StageResult) => {
    results.push(result)
    say(line(result))
  }
  await define(client)
  await warmUp(client)
  const stages = new Stages(client, options)
  for (const stage of stages.all()) add(await measure(server, stage))
  const watched = { server, stages, client }
  for (const result of await measureWatchers(watched, { watchers: 100, updates: 500, inFlight: 16 }))
    add(result)
  client.close()
  return results
}

/** What a server does often is compiled as it runs: that is the start's cost, and measured with it. */
async function warmUp(client: LoadClient): Promise<void> {
  const stages = new Stages(client, { ...options, objects: 1000, writes: 600, reads: 1000, lists: 2 })
  for (const stage of stages.all()) await runInFlight(stage)
  const selector = 'labelSelector=app%3Dbench'
  await client.must({ method: 'DELETE', path: `${widgetsPath}?${selector}` })
}

async function define(client: LoadClient): Promise<void> {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  await client.must({ method: 'POST', path, body: JSON.stringify(widgetCrd) })
  while ((await client.send({ method: 'GET', path: widgetsPath })).status !== 200) {
    // Served as soon as it is published.
  }
}

/** On an etcd of its own, whose history is nobody else's. */
async function etcdAlone(): Promise<RawRate[]> {
  const alone = await startEtcd()
  try {
    return await measureEtcd(alone.endpoints[0] ?? '', 5000)
  } finally {
    await alone.stop()
  }
}

async function idle(server: ServerProcess): Promise<number> {
  const smallest = { bytes: Infinity }
  for (let second = 0; second < 5; second++) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    smallest.bytes = Math.min(smallest.bytes, (await server.usage()).rssBytes)
  }
  return smallest.bytes
}

const etcd = await startEtcd()
try {
  say(header())
  for (const rate of await etcdAlone()) say(rawLine(rate))
  const first = await ServerProcess.start(etcd.endpoints)
  const firstMs = first.readyMs
  await first.stop(true)
  const server = await ServerProcess.start(etcd.endpoints, {
    directory: first.directory,
    nodeFlags: values['node-flag'],
  })
  const idleBytes = await idle(server)
  const results = await run(server)
  const { peakBytes, rssBytes } = await server.usage()
  await server.stop(true)
  const restarted = await ServerProcess.start(etcd.endpoints, { directory: server.directory })
  await restarted.stop()
  const summary = {
    firstReadyMs: firstMs,
    readyMs: server.readyMs,
    readyLoadedMs: restarted.readyMs,
    idleMegabytes: idleBytes / 1e6,
    loadedMegabytes: rssBytes / 1e6,
    peakMegabytes: peakBytes / 1e6,
  }
  if (values.json) console.log(JSON.stringify({ summary, results }, undefined, 2))
  say(`ready after ${firstMs.toFixed(0)} ms the first time, ${server.readyMs.toFixed(0)} ms the next,`)
  say(`  ${restarted.readyMs.toFixed(0)} ms with ${objects} objects`)
  say(`resident when idle ${megabytes(idleBytes)} MB of ${referenceMegabytes.idle}; after the load`)
  say(`  ${megabytes(rssBytes)}, at most ${megabytes(peakBytes)} MB of ${referenceMegabytes.loaded}`)
} finally {
  await etcd.stop()
}
