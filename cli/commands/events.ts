import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { identityOf, text } from '../object-metadata.ts'
import { type EventLine, eventLine } from '../printers/event-lines.ts'
import { objectPrinter } from '../printers/object-printer.ts'
import { harmless } from '../printers/go-text.ts'
import { alignTabs, tableTabs } from '../printers/tab-writer.ts'
import { itemsOf, pagesOf, type Wanted } from '../selection.ts'
import { parseTargets } from '../targets.ts'
import { UsageError } from '../usage-error.ts'
import { eventsFrom } from './get-watch.ts'

export interface EventsOptions {
  readonly allNamespaces?: boolean
  readonly for?: string
  /** `Normal,Warning` */
  readonly types?: string
  readonly watch?: boolean
  readonly output?: string
  readonly headers: boolean
  readonly showManagedFields?: boolean
}

/** `kvorum events`: what happened, oldest first. */
export async function events(context: CommandContext, options: EventsOptions): Promise<void> {
  const resource = (await context.discovery()).byName('events')
  const namespace = options.allNamespaces === true ? undefined : context.namespace
  const wanted: Wanted = { resource, namespace, name: undefined }
  const matches = filterOf(options)
  const listOptions = await selectorOf(context, options)
  const found: JsonObject[] = []
  let resourceVersion = ''
  for await (const page of pagesOf(context, wanted, listOptions)) {
    found.push(...itemsOf(page, resource).filter(matches))
    resourceVersion = identityOf(page).resourceVersion
  }
  const print = printerOf(context, options)
  const seen = (object: JsonObject) => eventLine(object, context.clock.now()).lastSeen
  const sorted = found.toSorted((a, b) => seen(a) - seen(b))
  if (sorted.length > 0) print(sorted)
  else if (options.watch !== true) context.error(noneFound(context, options))
  if (options.watch !== true) return
  for await (const { type, object } of eventsFrom(context, wanted, { ...listOptions, resourceVersion })) {
    if (type !== 'DELETED' && matches(object)) print([object])
  }
}

function noneFound(context: CommandContext, { allNamespaces }: EventsOptions): string {
  return allNamespaces === true ? 'No events found.' : `No events found in ${context.namespace} namespace.`
}

/** `--for=vm/web`: Events name kinds, not resources. */
async function selectorOf(
  context: CommandContext,
  { for: about }: EventsOptions,
): Promise<{ fieldSelector?: string }> {
  if (about === undefined) return {}
  const [target, ...more] = parseTargets(await context.discovery(), [about])
  if (target?.name === undefined || more.length > 0)
    throw new UsageError(`--for takes TYPE/NAME, not "${about}"`)
  return { fieldSelector: `involvedObject.kind=${target.resource.kind},involvedObject.name=${target.name}` }
}

function filterOf({ types }: EventsOptions): (event: JsonObject) => boolean {
  if (types === undefined) return () => true
  const wanted = types.split(',').map((type) => type.toLowerCase())
  for (const type of wanted) {
    if (type !== 'normal' && type !== 'warning') throw new UsageError(`valid --types are Normal or Warning`)
  }
  return (event) => wanted.includes(text(event['type']).toLowerCase())
}

function printerOf(context: CommandContext, options: EventsOptions): (events: readonly JsonObject[]) => void {
  if (options.output !== undefined && options.output !== '') {
    const print = objectPrinter(options.output, options)
    return (objects) =>
      context.print(
        print(
          options.watch === true && isJsonObject(objects[0]) && objects.length === 1
            ? objects[0]
            : { apiVersion: 'v1', kind: 'List', metadata: {}, items: [...objects] },
        ),
      )
  }
  const remembered: number[] = []
  let headers = options.headers
  return (objects) => {
    const head = ['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']
    const rows = objects.map((object) => cellsOf(eventLine(object, context.clock.now()), options))
    const lines = [
      ...(headers ? [options.allNamespaces === true ? ['NAMESPACE', ...head] : head] : []),
      ...rows,
    ]
    headers = false
    context.print(
      alignTabs(lines.map((line) => `${line.join('\t')}\n`).join(''), { ...tableTabs, remembered }),
    )
  }
}

function cellsOf(line: EventLine, { allNamespaces }: EventsOptions): string[] {
  const { age, type, reason, object, message, namespace } = line
  const cells = [age, type, reason, object, message].map((cell) => harmless(cell).replaceAll(/[\t\n]/g, ' '))
  return allNamespaces === true ? [namespace, ...cells] : cells
}
