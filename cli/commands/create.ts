import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { dryRunOf, type ResultOptions, resultPrinter } from '../printers/result.ts'
import type { Manifest, ManifestOptions } from '../read-manifests.ts'
import { readSources } from '../read-manifests.ts'
import { placeOf, readObject } from '../selection.ts'
import { identityOf } from '../object-metadata.ts'
import { throwAll, UsageError } from '../usage-error.ts'
import { whileDoing } from '../while-doing.ts'
import { dryRunQuery, fieldValidationOf } from './apply.ts'

export interface WriteOptions extends ManifestOptions, ResultOptions {
  readonly fieldManager?: string
  readonly validate?: string | boolean
  readonly subresource?: string
}

/** `kvorum create -f`: makes objects that are not there yet. */
export async function create(context: CommandContext, options: WriteOptions): Promise<void> {
  await forEach(context, options, (manifest) => createOne(context, manifest, options), 'created')
}

/** `kvorum replace -f`: makes the objects exactly what the manifests say. */
export async function replace(context: CommandContext, options: WriteOptions): Promise<void> {
  await forEach(context, options, (manifest) => replaceOne(context, manifest, options), 'replaced')
}

async function forEach(
  context: CommandContext,
  options: WriteOptions,
  write: (manifest: Manifest) => Promise<JsonObject>,
  operation: string,
): Promise<void> {
  const manifests = await readSources(context, options)
  if (manifests.length === 0) throw new UsageError(`no objects passed to ${operation.slice(0, -1)}`)
  const tell = resultPrinter(context, options)
  const errors: unknown[] = []
  for (const manifest of manifests) {
    try {
      const place = await placeOf(context, manifest)
      tell(place, await write(manifest), operation)
    } catch (error) {
      errors.push(whileDoing(error, operation === 'created' ? 'creating' : 'replacing', manifest))
    }
  }
  throwAll(errors)
}

/** Makes one object; with a dry run on the client's side it is only what would be sent. */
export async function createOne(
  context: CommandContext,
  manifest: Manifest,
  options: WriteOptions,
): Promise<JsonObject> {
  const dryRun = dryRunOf(options)
  const { resource, namespace } = await placeOf(context, manifest)
  if (dryRun === 'client') return manifest.object
  const { name, ...metadata } = manifest.object.metadata
  const body = name === '' ? { ...manifest.object, metadata } : manifest.object
  const object = await context.api.json({
    method: 'POST',
    path: pathOf(resource, { namespace }),
    query: writeQuery('create', options),
    body,
  })
  return isJsonObject(object) ? object : manifest.object
}

async function replaceOne(
  context: CommandContext,
  manifest: Manifest,
  options: WriteOptions,
): Promise<JsonObject> {
  const place = await placeOf(context, manifest)
  if (dryRunOf(options) === 'client') return manifest.object
  const { metadata } = manifest.object
  // Without a version the manifest replaces whatever is there now.
  const resourceVersion =
    metadata['resourceVersion'] ?? identityOf(await readObject(context, place)).resourceVersion
  const object = await context.api.json({
    method: 'PUT',
    path: pathOf(place.resource, { ...place, subresource: options.subresource }),
    query: writeQuery('replace', options),
    body: { ...manifest.object, metadata: { ...metadata, resourceVersion } },
  })
  return isJsonObject(object) ? object : manifest.object
}

function writeQuery(verb: string, options: WriteOptions): Record<string, string | undefined> {
  return {
    fieldManager: options.fieldManager ?? `kvorum-${verb}`,
    fieldValidation: fieldValidationOf(options.validate),
    dryRun: dryRunQuery(dryRunOf(options)),
  }
}
