import { z } from 'zod'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { identityOf } from '../object-metadata.ts'
import { type EventLine, formatDescription } from '../printers/describe.ts'
import { parseTargets } from '../targets.ts'
import { getObject } from './get.ts'

const eventList = z.object({
  items: z.array(
    z.object({
      type: z.string().nullish(),
      reason: z.string().nullish(),
      message: z.string().nullish(),
      count: z.number().nullish(),
      firstTimestamp: z.string().nullish(),
      lastTimestamp: z.string().nullish(),
      eventTime: z.string().nullish(),
      reportingComponent: z.string().nullish(),
      source: z.object({ component: z.string().optional() }).nullish(),
    }),
  ),
})

/** `kvorum describe`: the whole object in words, and its Events. */
export async function describe(context: CommandContext, args: readonly string[]): Promise<void> {
  for (const { resource, name } of parseTargets(await context.discovery(), args)) {
    const names =
      name === undefined
        ? await allNames(context, pathOf(resource, { namespace: context.namespace }))
        : [name]
    for (const each of names) {
      const object = await getObject(context, resource, each)
      context.print(formatDescription(object, await eventsOf(context, object)))
    }
  }
}

async function allNames(context: CommandContext, path: string): Promise<string[]> {
  const body = await context.api.json({ method: 'GET', path })
  return isJsonObject(body) && Array.isArray(body['items'])
    ? body['items'].filter(isJsonObject).map((item) => identityOf(item).name)
    : []
}

async function eventsOf(context: CommandContext, object: JsonObject): Promise<EventLine[]> {
  const { uid, namespace } = identityOf(object)
  // Events about cluster-scoped objects are kept in the namespace `default`.
  const body = await context.api.json({
    method: 'GET',
    path: `/api/v1/namespaces/${encodeURIComponent(namespace || 'default')}/events`,
    query: { fieldSelector: `involvedObject.uid=${uid}` },
  })
  const lastSeen = (event: z.infer<typeof eventList>['items'][number]) =>
    event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? ''
  return eventList
    .parse(body)
    .items.toSorted((a, b) => lastSeen(a).localeCompare(lastSeen(b)))
    .map((event) => ({
      type: event.type ?? '',
      reason: event.reason ?? '',
      age:
        formatAge(context.clock.now() - Date.parse(lastSeen(event))) +
        ((event.count ?? 1) > 1 ? ` (x${String(event.count)})` : ''),
      from: event.source?.component ?? event.reportingComponent ?? '',
      message: (event.message ?? '').trim(),
    }))
}

function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (Number.isNaN(seconds)) return '<unknown>'
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}
