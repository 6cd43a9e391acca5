import { isNotFound, StatusError } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf, qualifiedPlural, qualifiedSingular } from '../discovery.ts'
import { parseDuration } from '../duration.ts'
import { identityOf, text } from '../object-metadata.ts'
import { goText } from '../printers/go-text.ts'
import { compileRelaxedPath } from '../printers/json-path-template.ts'
import { expand, itemsOf, type Named, requireNames, select, type SelectionOptions } from '../selection.ts'
import type { Target } from '../targets.ts'
import { throwAll, UsageError } from '../usage-error.ts'

export interface WaitOptions extends SelectionOptions {
  readonly for: string
  /** Such as `30s`, `5m`, or seconds; `0` looks once, `-1s` waits a week. */
  readonly timeout: string
}

const weekMs = 7 * 24 * 3_600_000

/** `kvorum wait`: until a condition holds, a field has a value, or the objects are there or gone. */
export async function wait(
  context: CommandContext,
  args: readonly string[],
  options: WaitOptions,
): Promise<void> {
  const goal = parseGoal(options.for)
  const deadline = context.clock.monotonic() + timeoutOf(options.timeout)
  const targets = await targetsOf(context, args, options)
  if (targets.length === 0 && options.for !== 'delete') throw new UsageError('no matching resources found')
  const outcomes = await Promise.allSettled(
    targets.map(async (target) => {
      const awaited = { ...target, mayBeMissing: options.for === 'create' }
      await waitFor(context, awaited, goal, deadline - context.clock.monotonic())
      context.print(`${qualifiedSingular(target.resource)}/${target.name} condition met\n`)
    }),
  )
  throwAll(outcomes.flatMap((outcome): unknown[] => (outcome.status === 'rejected' ? [outcome.reason] : [])))
}

function timeoutOf(timeout: string): number {
  return timeout.startsWith('-') ? weekMs : parseDuration(timeout)
}

async function targetsOf(
  context: CommandContext,
  args: readonly string[],
  options: WaitOptions,
): Promise<Named[]> {
  const wanted = await select(context, args, options)
  requireNames(wanted, options)
  const found = await Promise.all(
    wanted.map(async (one): Promise<Named[]> => {
      const { name } = one
      if (name !== undefined && options.for !== 'delete') return [{ ...one, name }]
      return expand(context, one, options).catch((error: unknown) => {
        // What is gone already has nothing to be waited for.
        if (options.for === 'delete' && isNotFound(error)) return []
        throw error
      })
    }),
  )
  return found.flat()
}

type Goal = (object: JsonObject | undefined) => boolean
interface Awaited extends Target {
  readonly name: string
  /** That of the context when left out. */
  readonly namespace?: string | undefined
  /** An object that is not there (any more) may still come. */
  readonly mayBeMissing?: boolean
}

/**
 * Follows one object by watch until `goal` holds; throws a UsageError when the time is over, and a StatusError
 * `NotFound` for an object that is not there unless it `mayBeMissing`.
 */
export async function waitFor(
  context: CommandContext,
  target: Awaited,
  goal: Goal,
  timeoutMs: number,
): Promise<void> {
  const timeout = new AbortController()
  const cancel = context.clock.after(Math.max(0, timeoutMs), () => timeout.abort())
  const signal = AbortSignal.any([context.signal, timeout.signal])
  try {
    do if (await watchOnce(context, target, goal, signal)) return
    while (!signal.aborted)
  } catch (error) {
    if (!timeout.signal.aborted) throw error
  } finally {
    cancel()
  }
  context.signal.throwIfAborted()
  throw new UsageError(`timed out waiting for the condition on ${target.resource.plural}/${target.name}`)
}

async function watchOnce(
  context: CommandContext,
  target: Awaited,
  goal: Goal,
  signal: AbortSignal,
): Promise<boolean> {
  const { resource, name } = target
  const path = pathOf(resource, { namespace: target.namespace ?? context.namespace })
  const fieldSelector = `metadata.name=${name}`
  const list = await context.api.json({ method: 'GET', path, query: { fieldSelector } })
  const [object] = isJsonObject(list) ? itemsOf(list, resource) : []
  if (goal(object)) return true
  if (object === undefined && target.mayBeMissing !== true)
    throw new StatusError('NotFound', `${qualifiedPlural(resource)} "${name}" not found`)
  const query = { watch: 'true', fieldSelector, resourceVersion: identityOf(list).resourceVersion }
  return reached(goal, context.api.lines({ method: 'GET', path, query, signal }))
}

/** False when the events end, or are not complete any more. */
async function reached(goal: Goal, events: AsyncIterable<unknown>): Promise<boolean> {
  for await (const event of events) {
    const { type, object } = isJsonObject(event) ? event : ({} as JsonObject)
    if (type === 'ERROR') return false
    if (type === 'BOOKMARK' || !isJsonObject(object)) continue
    if (goal(type === 'DELETED' ? undefined : object)) return true
  }
  return false
}

/** `delete`, `create`, `condition=Ready`, `condition=Ready=False` or `jsonpath={.status.phase}=Running`. */
export function parseGoal(words: string): Goal {
  if (words === 'delete') return (object) => object === undefined
  if (words === 'create') return (object) => object !== undefined
  const [, condition, status = 'True'] = /^condition=([^=]+)(?:=([^=]+))?$/.exec(words) ?? []
  if (condition !== undefined) return conditionGoal(condition, status)
  const [, path, value] = /^jsonpath=(\{.*\}|[^{}=]+)(?:=(.+))?$/s.exec(words) ?? []
  if (path !== undefined) return fieldGoal(path, value)
  throw new UsageError(
    `unrecognized condition: "${words}"; use condition=NAME[=STATUS], jsonpath='{PATH}'[=VALUE], create or delete`,
  )
}

function conditionGoal(type: string, status: string): Goal {
  const same = (a: Json | undefined, b: string) => text(a).toLowerCase() === b.toLowerCase()
  return (object) => {
    const { conditions, observedGeneration } = isJsonObject(object?.['status'])
      ? object['status']
      : ({} as JsonObject)
    if (!Array.isArray(conditions)) return false
    const found = conditions.filter(isJsonObject).find((condition) => same(condition['type'], type))
    const observed = found?.['observedGeneration'] ?? observedGeneration
    const { generation } = isJsonObject(object?.['metadata']) ? object['metadata'] : ({} as JsonObject)
    // What was said about an older spec does not answer for this one.
    if (typeof observed === 'number' && typeof generation === 'number' && observed < generation) return false
    return same(found?.['status'], status)
  }
}

function fieldGoal(source: string, value: string | undefined): Goal {
  const path = compileRelaxedPath(source)
  const [, unquoted] = /^(?:"(.*)"|'(.*)')$/s.exec(value ?? '')?.filter((part) => part !== undefined) ?? []
  const wanted = unquoted ?? value
  return (object) => {
    const found = object === undefined ? [] : path(object)
    if (found.length > 1)
      throw new UsageError(`given jsonpath expression matches more than one value: ${source}`)
    const [only] = found
    if (only === undefined) return false
    if (wanted === undefined) return true
    if (typeof only === 'object' && only !== null)
      throw new UsageError(`jsonpath leads to a nested object or list which is not supported: ${source}`)
    return goText(only) === wanted
  }
}

export { parseDuration } from '../duration.ts'
