import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { type ServedResource } from '../discovery.ts'
import { text } from '../object-metadata.ts'
import { formatExplanation } from '../printers/explanation.ts'
import { OpenApiSchemas } from '../open-api-schemas.ts'
import { UsageError } from '../usage-error.ts'

export interface ExplainOptions {
  readonly recursive?: boolean
  /** `group/version` other than the preferred one. */
  readonly apiVersion?: string
}

/** `kvorum explain`: what a kind and its fields are for, from the server's OpenAPI v3. */
export async function explain(
  context: CommandContext,
  target: string,
  options: ExplainOptions,
): Promise<void> {
  const { resource, fields } = await find(context, target, options)
  const schemas = new OpenApiSchemas(await documentOf(context, resource))
  const root = schemas.ofKind(resource)
  if (root === undefined)
    throw new UsageError(
      `couldn't find resource for "${resource.group}/${resource.version}, Kind=${resource.kind}"`,
    )
  let schema = root
  for (const field of fields) {
    const next = schemas.field(schema, field)
    if (next === undefined) throw new UsageError(`field "${field}" does not exist`)
    schema = next
  }
  context.print(
    formatExplanation({
      resource,
      schemas,
      schema,
      field: fields.at(-1),
      recursive: options.recursive === true,
    }),
  )
}

/** `vm.spec.disks` is a field path; `vm.v1alpha1.kvorum.dev` and `vm.kvorum.dev` are a kind. */
async function find(
  context: CommandContext,
  target: string,
  { apiVersion }: ExplainOptions,
): Promise<{ resource: ServedResource; fields: string[] }> {
  const discovery = await context.discovery()
  const parts = target.split('.').filter((part) => part !== '')
  for (let length = parts.length; length > 1; length--) {
    const resource = discovery.find(parts.slice(0, length).join('.'))
    if (resource !== undefined) return { resource, fields: parts.slice(length) }
  }
  const [name = '', ...fields] = parts
  const preferred = discovery.byName(name)
  if (apiVersion === undefined) return { resource: preferred, fields }
  const resource = discovery.findKind(apiVersion, preferred.kind)
  if (resource === undefined)
    throw new UsageError(`couldn't find resource for "${apiVersion}, Resource=${preferred.plural}"`)
  return { resource, fields }
}

async function documentOf(context: CommandContext, { group, version }: ServedResource): Promise<JsonObject> {
  const index = await context.api.json({ method: 'GET', path: '/openapi/v3' })
  const key = group === '' ? `api/${version}` : `apis/${group}/${version}`
  const paths = isJsonObject(index) && isJsonObject(index['paths']) ? index['paths'] : {}
  const entry = isJsonObject(paths[key]) ? paths[key] : {}
  const path = text(entry['serverRelativeURL'])
  if (!path.startsWith('/')) throw new UsageError(`the server does not describe ${key} in OpenAPI v3`)
  const document = await context.api.json({ method: 'GET', path })
  return isJsonObject(document) ? document : {}
}
