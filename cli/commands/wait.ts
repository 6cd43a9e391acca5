import { isNotFound, StatusError } from '../../apimachinery/status-error.ts'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf, qualifiedSingular } from '../discovery.ts'
import { identityOf, text } from '../object-metadata.ts'
import { parseTargets, type Target } from '../targets.ts'
import { UsageError } from '../usage-error.ts'
import { getObject } from './get.ts'

export interface WaitOptions {
  readonly for: string
  /** Such as `30s`, `5m`, or seconds. */
  readonly timeout: string
}

/** `kvorum wait`: until a condition holds, or until the object is gone. */
export async function wait(
  context: CommandContext,
  args: readonly string[],
  options: WaitOptions,
): Promise<void> {
  const holds = parseGoal(options.for)
  const timeoutMs = parseDuration(options.timeout)
  for (const target of parseTargets(await context.discovery(), args)) {
    if (target.name === undefined) throw new UsageError('wait needs names: TYPE/NAME')
    await waitFor(context, { ...target, name: target.name }, holds, timeoutMs)
    context.print(
      `${qualifiedSingular(target.resource)}/${target.name} ${options.for === 'delete' ? 'deleted' : 'condition met'}\n`,
    )
  }
}

type Goal = (object: JsonObject | undefined) => boolean

/** Follows one object by watch until `goal` holds; throws a StatusError `Timeout`. */
export async function waitFor(
  context: CommandContext,
  target: Target & { name: string },
  goal: Goal,
  timeoutMs: number,
): Promise<void> {
  const timeout = new AbortController()
  const cancel = context.clock.after(timeoutMs, () => timeout.abort())
  const signal = AbortSignal.any([context.signal, timeout.signal])
  try {
    while (!signal.aborted) if (await watchOnce(context, target, goal, signal)) return
  } catch (error) {
    if (!timeout.signal.aborted) throw error
  } finally {
    cancel()
  }
  context.signal.throwIfAborted()
  throw new StatusError('Timeout', `timed out waiting for ${target.resource.plural}/${target.name}`)
}

async function watchOnce(
  context: CommandContext,
  target: Target & { name: string },
  goal: Goal,
  signal: AbortSignal,
): Promise<boolean> {
  const object = await getObject(context, target.resource, target.name).catch((error: unknown) => {
    if (!isNotFound(error)) throw error
    return undefined
  })
  if (goal(object)) return true
  if (object === undefined)
    throw new StatusError('NotFound', `${target.resource.plural} "${target.name}" not found`)
  const events = context.api.lines({
    method: 'GET',
    path: pathOf(target.resource, { namespace: context.namespace }),
    query: {
      watch: 'true',
      fieldSelector: `metadata.name=${target.name}`,
      resourceVersion: identityOf(object).resourceVersion,
    },
    signal,
  })
  for await (const event of events) {
    if (!isJsonObject(event) || !isJsonObject(event['object'])) continue
    if (event['type'] === 'ERROR') return false
    if (event['type'] !== 'BOOKMARK' && goal(event['type'] === 'DELETED' ? undefined : event['object']))
      return true
  }
  return false
}

/** `delete`, `condition=Ready` or `condition=Ready=False`. */
export function parseGoal(words: string): Goal {
  if (words === 'delete') return (object) => object === undefined
  const match = /^condition=([A-Za-z0-9./-]+)(?:=(\w+))?$/.exec(words)
  if (match === null)
    throw new UsageError(`--for=${words} is not understood: use condition=NAME[=STATUS] or delete`)
  const [, type, status = 'True'] = match
  return (object) => {
    const conditions = isJsonObject(object?.['status']) ? object['status']['conditions'] : undefined
    if (!Array.isArray(conditions)) return false
    const found = conditions.filter(isJsonObject).find((condition) => condition['type'] === type)
    return text(found?.['status']).toLowerCase() === status.toLowerCase()
  }
}

export function parseDuration(text: string): number {
  const match = /^(\d+)(ms|s|m|h)?$/.exec(text)
  if (match === null) throw new UsageError(`"${text}" is not a duration: write 30s, 5m or 1h`)
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? 's'] ?? 1000
  return Number(match[1]) * unit
}
