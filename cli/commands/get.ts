import { stringify } from 'yaml'
import { StatusError } from '../../apimachinery/status-error.ts'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { ApiRequest } from '../api.ts'
import type { CommandContext } from '../context.ts'
import { pathOf, qualifiedSingular, type ServedResource } from '../discovery.ts'
import { identityOf, text } from '../object-metadata.ts'
import { formatTable, type Table, table } from '../printers/table.ts'
import { parseTargets, type Target } from '../targets.ts'
import { UsageError } from '../usage-error.ts'

export interface GetOptions {
  readonly allNamespaces?: boolean
  readonly output?: string
  readonly selector?: string
  readonly fieldSelector?: string
  readonly watch?: boolean
  readonly headers: boolean
}

const tableType = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
const outputs = ['wide', 'json', 'yaml', 'name']

/** `kvorum get`: tables as the server draws them, or whole objects. */
export async function get(
  context: CommandContext,
  args: readonly string[],
  options: GetOptions,
): Promise<void> {
  if (options.output !== undefined && !outputs.includes(options.output)) {
    throw new UsageError(`-o ${options.output} is not known: use ${outputs.join(', ')}`)
  }
  const targets = parseTargets(await context.discovery(), args)
  if (options.watch === true && targets.length > 1)
    throw new UsageError('--watch follows one resource or object at a time')
  if (options.output === 'json' || options.output === 'yaml' || options.output === 'name') {
    return printObjects(context, targets, options)
  }
  let printed = 0
  for (const target of targets) printed += await printTable(context, target, options, targets.length > 1)
  if (printed === 0 && options.watch !== true) context.error(noneFound(context, options))
}

async function printTable(
  context: CommandContext,
  target: Target,
  options: GetOptions,
  several: boolean,
): Promise<number> {
  const request = requestFor(context, target, options)
  const body = await context.api.json({ ...request, accept: tableType })
  const first = table.parse(body)
  const rows = first.rows?.length ?? 0
  const format = {
    wide: options.output === 'wide',
    withNamespace: options.allNamespaces === true && target.resource.namespaced,
    headers: options.headers,
    ...(several && { namePrefix: `${qualifiedSingular(target.resource)}/` }),
  }
  if (rows > 0) context.print(formatTable(first, first.columnDefinitions, format) + (several ? '\n' : ''))
  if (options.watch === true)
    await follow(context, target, options, {
      first,
      format,
      resourceVersion: identityOf(body).resourceVersion,
    })
  return rows
}

interface Following {
  readonly first: Table
  readonly format: Parameters<typeof formatTable>[2]
  readonly resourceVersion: string
}

async function follow(
  context: CommandContext,
  target: Target,
  options: GetOptions,
  following: Following,
): Promise<void> {
  const request = requestFor(context, { ...target, name: undefined }, options)
  const selector = [options.fieldSelector, target.name && `metadata.name=${target.name}`]
    .filter(Boolean)
    .join(',')
  const events = context.api.lines({
    ...request,
    accept: tableType,
    query: {
      ...request.query,
      watch: 'true',
      resourceVersion: following.resourceVersion,
      fieldSelector: selector === '' ? undefined : selector,
    },
    signal: context.signal,
  })
  for await (const event of events) {
    if (!isJsonObject(event) || !isJsonObject(event['object'])) continue
    if (event['type'] === 'ERROR') throw new StatusError('Expired', text(event['object']['message']))
    if (event['type'] === 'BOOKMARK') continue
    context.print(
      formatTable(table.parse(event['object']), following.first.columnDefinitions, {
        ...following.format,
        headers: false,
      }),
    )
  }
}

async function printObjects(
  context: CommandContext,
  targets: readonly Target[],
  options: GetOptions,
): Promise<void> {
  const objects: JsonObject[] = []
  for (const target of targets) {
    const body = await context.api.json(requestFor(context, target, options))
    if (!isJsonObject(body)) continue
    const items =
      target.name === undefined && Array.isArray(body['items']) ? body['items'].filter(isJsonObject) : [body]
    if (options.output === 'name')
      context.print(
        items.map((item) => `${qualifiedSingular(target.resource)}/${identityOf(item).name}\n`).join(''),
      )
    objects.push(...items)
  }
  if (options.output === 'name') return
  const single = targets.length === 1 && targets[0]?.name !== undefined ? objects[0] : undefined
  const value = single ?? { apiVersion: 'v1', kind: 'List', items: objects }
  context.print(
    options.output === 'json' ? `${JSON.stringify(value, null, 4)}\n` : stringify(value, { lineWidth: 0 }),
  )
}

function requestFor(context: CommandContext, { resource, name }: Target, options: GetOptions): ApiRequest {
  return {
    method: 'GET',
    path: pathOf(resource, {
      name,
      namespace: options.allNamespaces === true ? undefined : context.namespace,
    }),
    query:
      name === undefined ? { labelSelector: options.selector, fieldSelector: options.fieldSelector } : {},
  }
}

function noneFound(context: CommandContext, options: GetOptions): string {
  return options.allNamespaces === true
    ? 'No resources found'
    : `No resources found in ${context.namespace} namespace.`
}

/** The object itself, for commands that work on one. */
export async function getObject(
  context: CommandContext,
  resource: ServedResource,
  name: string,
): Promise<JsonObject> {
  const body = await context.api.json({
    method: 'GET',
    path: pathOf(resource, { namespace: context.namespace, name }),
  })
  if (!isJsonObject(body))
    throw new UsageError(`the server's answer for ${resource.plural}/${name} is not an object`)
  return body
}
