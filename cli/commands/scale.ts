import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { identityOf } from '../object-metadata.ts'
import { dryRunOf, type ResultOptions, resultPrinter } from '../printers/result.ts'
import { type Found, selectObjects, type SelectionOptions } from '../selection.ts'
import { throwAll, UsageError } from '../usage-error.ts'
import { dryRunQuery } from './apply.ts'

export interface ScaleOptions extends SelectionOptions, ResultOptions {
  readonly replicas: string
  /** Only when it has this many now. */
  readonly currentReplicas?: string
  /** Only if the object still has this version. */
  readonly resourceVersion?: string
}

/** `kvorum scale`: sets how many of something there shall be, through the scale subresource. */
export async function scale(
  context: CommandContext,
  args: readonly string[],
  options: ScaleOptions,
): Promise<void> {
  const replicas = countOf('--replicas', options.replicas)
  const tell = resultPrinter(context, options)
  const errors: unknown[] = []
  for (const found of await selectObjects(context, args, options)) {
    try {
      tell(found, await scaleOne(context, found, replicas, options), 'scaled')
    } catch (error) {
      errors.push(error)
    }
  }
  throwAll(errors)
}

async function scaleOne(
  context: CommandContext,
  found: Found,
  replicas: number,
  options: ScaleOptions,
): Promise<JsonObject> {
  const path = pathOf(found.resource, { ...found, subresource: 'scale' })
  const current = await context.api.json({ method: 'GET', path })
  const { currentReplicas, resourceVersion } = options
  const spec = isJsonObject(current) && isJsonObject(current['spec']) ? current['spec'] : {}
  const now = typeof spec['replicas'] === 'number' ? spec['replicas'] : 0
  if (currentReplicas !== undefined && now !== countOf('--current-replicas', currentReplicas))
    throw new UsageError(`Expected replicas to be ${currentReplicas}, was ${now}`)
  const version = identityOf(current).resourceVersion
  if (resourceVersion !== undefined && version !== resourceVersion)
    throw new UsageError(`Expected resource version to be ${resourceVersion}, was ${version}`)
  if (dryRunOf(options) !== 'client') {
    const exactly = currentReplicas !== undefined || resourceVersion !== undefined
    await context.api.json({
      method: 'PATCH',
      path,
      query: { fieldManager: 'kvorum-scale', dryRun: dryRunQuery(dryRunOf(options)) },
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas }, ...(exactly && { metadata: { resourceVersion: version } }) },
    })
  }
  return found.object
}

function countOf(option: string, value: string): number {
  if (!/^\d+$/.test(value))
    throw new UsageError(`The ${option}=COUNT flag is required, and COUNT must be greater than or equal to 0`)
  return Number(value)
}
