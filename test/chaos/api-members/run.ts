import { setTimeout } from 'node:timers/promises'
import { violations } from './check.ts'
import type { MemberClient } from './client.ts'
import type { Attempt } from './history.ts'
import { Members } from './members.ts'
import { readTruth } from './truth.ts'
import { Watcher } from './watcher.ts'
import { Writer } from './writer.ts'

export interface ChaosOptions {
  readonly seconds: number
  /** Time from one kill to the next. */
  readonly everySeconds: number
  readonly writers: number
  readonly watchers: number
  /** Between two writes of one writer, on average. */
  readonly pauseMs: number
  readonly say: (line: string) => void
}

export interface ChaosReport {
  readonly violations: readonly string[]
  readonly strikes: number
  readonly acknowledged: number
  readonly unknown: number
  readonly refused: number
  readonly changes: number
  /** Events that all watchers together were told. */
  readonly told: number
  /** The end of every API server's log, for a look at what went wrong. */
  readonly logs: string
}

const namespace = 'chaos'
const collection = `/api/v1/namespaces/${namespace}/configmaps`

/** Writes and watches through two API servers on three etcd members while one of each is killed again and again. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const members = await Members.start()
  try {
    return await chaos(members, options)
  } finally {
    await members.stop()
  }
}

async function chaos(members: Members, options: ChaosOptions): Promise<ChaosReport> {
  const { clients } = members
  const from = await begin(clients)
  const attempts: Attempt[] = []
  const writing = new AbortController()
  const watching = new AbortController()
  const watchers = Array.from({ length: options.watchers }, () => new Watcher(from))
  const watches = watchers.map((watcher, index) => watcher.run(collection, clients, index, watching.signal))
  const writes = Array.from({ length: options.writers }, (_, index) => {
    const writer = { name: `w-${index}`, path: collection, clients, pauseMs: options.pauseMs, attempts }
    return new Writer(writer, index).run(writing.signal)
  })
  const strikes = await strikeAgain(members, options)
  await members.whole()
  writing.abort()
  await Promise.all(writes)
  const until = await lastWrite(clients)
  const caughtUp = await allSaw(watchers, until)
  watching.abort()
  await Promise.all(watches)
  const prefix = `/registry/configmaps/${namespace}/`
  const [endpoint = ''] = members.etcd.endpoints
  const truth = await readTruth(endpoint, { prefix, from: from + 1, until })
  const found = violations({ truth, attempts, watchers: watchers.map(({ seen }) => seen) })
  const faults = watchers.flatMap((watcher, index) =>
    watcher.faults.map((fault) => `watcher ${index} was told: ${fault}`),
  )
  const count = (outcome: Attempt['outcome']) => attempts.filter((one) => one.outcome === outcome).length
  return {
    violations: [
      ...(caughtUp ? [] : ['not every watcher caught up in time']),
      ...faults.slice(0, 20),
      ...found,
    ],
    strikes,
    acknowledged: count('acknowledged'),
    unknown: count('unknown'),
    refused: count('refused'),
    changes: truth.length,
    told: watchers.reduce((sum, { seen }) => sum + seen.revisions.length, 0),
    logs: members.logs(),
  }
}

async function begin(clients: readonly MemberClient[]): Promise<number> {
  const [client] = clients
  if (!client) throw new Error('there is no API server')
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }
  const { code, text } = await client.send('POST', '/api/v1/namespaces', body)
  if (code !== 201) throw new Error(`the namespace could not be created: ${text}`)
  return await versionOf(client)
}

async function versionOf(client: MemberClient): Promise<number> {
  const { text } = await client.send('GET', collection)
  return Number((JSON.parse(text) as { metadata: { resourceVersion: string } }).metadata.resourceVersion)
}

async function strikeAgain(members: Members, options: ChaosOptions): Promise<number> {
  const started = performance.now()
  const until = started + options.seconds * 1000
  let strikes = 0
  for (;;) {
    const next = started + (strikes + 1) * options.everySeconds * 1000
    await setTimeout(Math.max(0, Math.min(next, until) - performance.now()))
    if (performance.now() >= until) return strikes
    options.say(`strike ${++strikes}: ${await members.strike()}`)
  }
}

/** Writes once more, so that there is an event behind all others; its revision. */
async function lastWrite(clients: readonly MemberClient[]): Promise<number> {
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'last-' } }
  for (;;) {
    for (const client of clients) {
      const answer = await client.send('POST', collection, body).catch(() => undefined)
      if (answer?.code !== 201) continue
      const { metadata } = JSON.parse(answer.text) as { metadata: { resourceVersion: string } }
      return Number(metadata.resourceVersion)
    }
  }
}

async function allSaw(watchers: readonly Watcher[], revision: number): Promise<boolean> {
  const until = performance.now() + 30_000
  while (watchers.some((watcher) => watcher.revision < revision)) {
    if (performance.now() > until) return false
    await setTimeout(20)
  }
  return true
}
