import { compareVersions } from '../../discovery/api-resource.ts'
import type { WebhookClients } from '../../webhook/webhook-clients.ts'
import { isJsonObject, type Json, type JsonObject } from '../../../crds/meta/json.ts'
import { statusPart } from '../builtin/built-in.ts'
import { at, objectAt, objectsAt, stringsAt, textAt, type KubeObject } from '../kube-object.ts'
import { objectSchema } from '../object-schema.ts'
import {
  allVerbs,
  type ObjectSchema,
  type PrinterColumn,
  type ResourceDefinition,
  type ScaleSubresource,
  type StoredForm,
  type Subresource,
  type VersionConversion,
} from '../resource-definition.ts'
import { strategy } from '../strategy.ts'
import { ConversionWebhook } from './conversion-webhook.ts'

/** What the definitions of a CRD need beside the CRD. */
export interface CustomResourceContext {
  /** Where conversion webhooks are called from; `signal` ends the calls. */
  readonly webhooks: WebhookClients
  readonly signal: AbortSignal
  /** Aborted when the definitions are replaced or withdrawn. */
  readonly withdrawn: AbortSignal
}

/** What a CRD makes servable: one definition per served version. Versions whose schema does not compile are left out. */
export function definitionsOf(crd: KubeObject, context: CustomResourceContext): ResourceDefinition[] {
  return objectsAt(crd, 'spec', 'versions')
    .filter(({ served }) => served === true)
    .flatMap((version) => definitionOf(crd, version, context) ?? [])
}

/** The definition in the version that objects are stored in, whether it is served or not. */
export function storageDefinitionOf(
  crd: KubeObject,
  context: CustomResourceContext,
): ResourceDefinition | undefined {
  const version = storageVersionOf(crd)
  return version && definitionOf(crd, version, context)
}

/** The key prefix of a CRD's objects. */
export function prefixOfCrd(crd: KubeObject): string {
  return `/registry/${textAt(crd, 'spec', 'group')}/${textAt(crd, 'spec', 'names', 'plural')}/`
}

function storageVersionOf(crd: KubeObject): JsonObject | undefined {
  return objectsAt(crd, 'spec', 'versions').find(({ storage }) => storage === true)
}

function definitionOf(
  crd: KubeObject,
  version: JsonObject,
  context: CustomResourceContext,
): ResourceDefinition | undefined {
  const openApiSchema = objectAt(version, 'schema', 'openAPIV3Schema')
  const { schema } = objectSchema(openApiSchema)
  if (!schema) return undefined
  const accepted = objectAt(crd, 'status', 'acceptedNames')
  const names = textAt(accepted, 'kind') === '' ? objectAt(crd, 'spec', 'names') : accepted
  const group = textAt(crd, 'spec', 'group')
  const kind = textAt(names, 'kind')
  const deprecation = deprecationOf(crd, version)
  return {
    group,
    version: textAt(version, 'name'),
    kind,
    listKind: textAt(names, 'listKind') || `${kind}List`,
    plural: textAt(names, 'plural'),
    singular: textAt(names, 'singular') || kind.toLowerCase(),
    shortNames: stringsAt(names, 'shortNames'),
    categories: stringsAt(names, 'categories'),
    namespaced: textAt(crd, 'spec', 'scope') === 'Namespaced',
    verbs: allVerbs,
    stored: storedForm(crd, version, schema, context),
    schema,
    openApiSchema,
    strategy: strategy({ allowUnconditionalUpdate: false, countsGenerations: true }),
    subresources: subresourcesOf(version),
    columns: columnsOf(version),
    selectableFields: selectableFieldsOf(version),
    custom: true,
    withdrawn: context.withdrawn,
    ...(crd.metadata.deletionTimestamp !== undefined && { terminating: true }),
    ...(deprecation && { deprecation }),
  }
}

function storedForm(
  crd: KubeObject,
  version: JsonObject,
  schema: ObjectSchema,
  context: CustomResourceContext,
): StoredForm {
  const group = textAt(crd, 'spec', 'group')
  const storageVersion = `${group}/${textAt(storageVersionOf(crd), 'name')}`
  const servedVersion = `${group}/${textAt(version, 'name')}`
  // Fields and defaults that left or came into the schema after an object was stored show when it is read.
  const brought = (object: KubeObject) => schema.applyDefaults(schema.prune(object).object)
  const form: StoredForm = {
    prefix: prefixOfCrd(crd),
    apiVersion: storageVersion,
    ...(storageVersion !== servedVersion && {
      encode: (object) => ({ ...object, apiVersion: storageVersion }),
    }),
    decode: (object) =>
      brought(object.apiVersion === servedVersion ? object : { ...object, apiVersion: servedVersion }),
  }
  if (textAt(crd, 'spec', 'conversion', 'strategy') !== 'Webhook') return form
  const { webhooks, signal } = context
  const webhook = new ConversionWebhook(webhooks, objectAt(crd, 'spec', 'conversion', 'webhook'), signal)
  const { schema: storageSchema } = objectSchema(objectAt(storageVersionOf(crd), 'schema', 'openAPIV3Schema'))
  const conversion: VersionConversion = {
    concerns: ({ apiVersion }) => apiVersion !== servedVersion,
    async toServed(objects) {
      return (await webhook.convert(objects, servedVersion)).map(brought)
    },
    async toStored(object) {
      const [stored = object] = await webhook.convert([object], storageVersion)
      return storageSchema?.prune(stored).object ?? stored
    },
  }
  return { ...form, conversion }
}

function subresourcesOf(version: JsonObject): Record<string, Subresource> {
  const subresources: Record<string, Subresource> = {}
  if (isJsonObject(at(version, 'subresources', 'status'))) subresources['status'] = statusPart
  const scale = at(version, 'subresources', 'scale')
  if (isJsonObject(scale)) subresources['scale'] = scaleOf(scale)
  return subresources
}

function scaleOf(scale: JsonObject): ScaleSubresource {
  const labelSelectorPath = textAt(scale, 'labelSelectorPath')
  return {
    type: 'scale',
    specReplicasPath: pathSteps(textAt(scale, 'specReplicasPath')),
    statusReplicasPath: pathSteps(textAt(scale, 'statusReplicasPath')),
    labelSelectorPath: labelSelectorPath === '' ? undefined : pathSteps(labelSelectorPath),
  }
}

/** Steps of a JSON path without wildcards: `.spec.replicas`. */
function pathSteps(path: string): string[] {
  return path.split('.').filter(Boolean)
}

function columnsOf(version: JsonObject): PrinterColumn[] | undefined {
  const columns = objectsAt(version, 'additionalPrinterColumns').map((column) => ({
    name: textAt(column, 'name'),
    type: textAt(column, 'type'),
    ...(textAt(column, 'format') && { format: textAt(column, 'format') }),
    ...(textAt(column, 'description') && { description: textAt(column, 'description') }),
    priority: Number(column['priority'] ?? 0),
    jsonPath: textAt(column, 'jsonPath'),
  }))
  return columns.length > 0 ? columns : undefined
}

function selectableFieldsOf(version: JsonObject): ResourceDefinition['selectableFields'] {
  const fields: Record<string, (object: KubeObject) => string> = {}
  for (const field of objectsAt(version, 'selectableFields')) {
    const path = pathSteps(textAt(field, 'jsonPath'))
    fields[path.join('.')] = (object) => fieldText(at(object, ...path))
  }
  return fields
}

function fieldText(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : ''
}

function deprecationOf(crd: KubeObject, version: JsonObject): string | undefined {
  if (version['deprecated'] !== true) return undefined
  const given = textAt(version, 'deprecationWarning')
  if (given !== '') return given
  const name = textAt(version, 'name')
  const said = (one: string) =>
    `${textAt(crd, 'spec', 'group')}/${one} ${textAt(crd, 'spec', 'names', 'kind')}`
  const [better] = objectsAt(crd, 'spec', 'versions')
    .filter(({ served, deprecated }) => served === true && deprecated !== true)
    .map((one) => textAt(one, 'name'))
    .filter((one) => compareVersions(one, name) < 0)
    .toSorted(compareVersions)
  return `${said(name)} is deprecated${better === undefined ? '' : `; use ${said(better)}`}`
}
