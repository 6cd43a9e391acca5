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
} from '../resource-definition.ts'
import { strategy } from '../strategy.ts'

/** What a CRD makes servable: one definition per served version. Versions whose schema does not compile are left out. */
export function definitionsOf(crd: KubeObject): ResourceDefinition[] {
  return objectsAt(crd, 'spec', 'versions')
    .filter(({ served }) => served === true)
    .flatMap((version) => definitionOf(crd, version) ?? [])
}

/** The key prefix of a CRD's objects. */
export function prefixOfCrd(crd: KubeObject): string {
  return `/registry/${textAt(crd, 'spec', 'group')}/${textAt(crd, 'spec', 'names', 'plural')}/`
}

function definitionOf(crd: KubeObject, version: JsonObject): ResourceDefinition | undefined {
  const openApiSchema = objectAt(version, 'schema', 'openAPIV3Schema')
  const { schema } = objectSchema(openApiSchema)
  if (!schema) return undefined
  const names = objectAt(crd, 'spec', 'names')
  const group = textAt(crd, 'spec', 'group')
  const kind = textAt(names, 'kind')
  const deprecation = deprecationOf(version, group, kind)
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
    stored: storedForm(crd, version, schema),
    schema,
    openApiSchema,
    strategy: strategy({ allowUnconditionalUpdate: false, countsGenerations: true }),
    subresources: subresourcesOf(version),
    columns: columnsOf(version),
    selectableFields: selectableFieldsOf(version),
    custom: true,
    ...(deprecation && { deprecation }),
  }
}

function storedForm(crd: KubeObject, version: JsonObject, schema: ObjectSchema): StoredForm {
  const group = textAt(crd, 'spec', 'group')
  const storage = objectsAt(crd, 'spec', 'versions').find((one) => one['storage'] === true)
  const storageVersion = `${group}/${textAt(storage, 'name')}`
  const servedVersion = `${group}/${textAt(version, 'name')}`
  return {
    prefix: prefixOfCrd(crd),
    apiVersion: storageVersion,
    ...(storageVersion !== servedVersion && {
      encode: (object) => ({ ...object, apiVersion: storageVersion }),
    }),
    // Defaults that came into the schema after an object was stored show when it is read.
    decode: (object) =>
      schema.applyDefaults(
        object.apiVersion === servedVersion ? object : { ...object, apiVersion: servedVersion },
      ),
  }
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

function deprecationOf(version: JsonObject, group: string, kind: string): string | undefined {
  if (version['deprecated'] !== true) return undefined
  return textAt(version, 'deprecationWarning') || `${group}/${textAt(version, 'name')} ${kind} is deprecated`
}
