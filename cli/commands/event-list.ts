import { hasReason } from '../../apimachinery/status-error.ts'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { identityOf } from '../object-metadata.ts'
import { type EventLine, eventLine } from '../printers/event-lines.ts'

/** The Events about one object, oldest first. */
export async function eventsAbout(context: CommandContext, object: JsonObject): Promise<EventLine[]> {
  const { uid, namespace } = identityOf(object)
  // Events about cluster-scoped objects are kept in the namespace `default`.
  const list = await context.api.json({
    method: 'GET',
    path: `/api/v1/namespaces/${encodeURIComponent(namespace || 'default')}/events`,
    query: { fieldSelector: `involvedObject.uid=${uid}` },
  })
  const items = isJsonObject(list) && Array.isArray(list['items']) ? list['items'] : []
  return items.map((item) => eventLine(item, context.clock.now())).toSorted((a, b) => a.lastSeen - b.lastSeen)
}

export function isForbiddenOrMissing(error: unknown): boolean {
  return hasReason(error, 'Forbidden', 'NotFound')
}
