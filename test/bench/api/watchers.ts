import type { LoadClient } from './client.ts'
import { measure, type StageResult } from './load.ts'
import type { ServerProcess } from './server-process.ts'
import type { Stages } from './stages.ts'
import { widgetsPath } from './widget.ts'

interface WatchLoad {
  readonly watchers: number
  readonly updates: number
  readonly inFlight: number
}

const newline = 0x0a

/** What telling so many watchers of so many updates costs on top of the updates. */
export async function measureWatchers(
  { server, stages, client }: { server: ServerProcess; stages: Stages; client: LoadClient },
  { watchers, updates, inFlight }: WatchLoad,
): Promise<StageResult[]> {
  const write = { kind: 'status', inFlight, count: updates, run: (index: number) => stages.putStatus(index) }
  const alone = await measure(server, { ...write, name: `${updates} updates, nobody watches` })
  const stop = new AbortController()
  let events = 0
  const enough = Promise.withResolvers<void>()
  const take = (chunk: Buffer) => {
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) events++
    if (events >= watchers * updates) enough.resolve()
  }
  const version = await revisionOf(client)
  const path = `${widgetsPath}?watch=1&resourceVersion=${version}&timeoutSeconds=600`
  const open = Array.from({ length: watchers }, () =>
    client.stream({ method: 'GET', path }, take, stop.signal).catch(() => 0),
  )
  // A round trip behind the watches on every connection: all of them are open then.
  await Promise.all(Array.from({ length: watchers }, () => revisionOf(client)))
  const watched = await measure(server, {
    ...write,
    name: `${updates} updates to ${watchers} watchers`,
    kind: 'watch',
    units: watchers,
    deductMs: alone.cpuMs * updates,
    finish: () => enough.promise,
  })
  stop.abort()
  await Promise.all(open)
  return [alone, watched]
}

async function revisionOf(client: LoadClient): Promise<string> {
  const answer = await client.must({ method: 'GET', path: `${widgetsPath}?limit=1` })
  return /"resourceVersion":"(\d+)"/.exec(answer.toString())?.[1] ?? ''
}
