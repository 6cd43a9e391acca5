import type { Clock } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { isNotFound, notFound } from '../../../apimachinery/status-error.ts'
import type { JsonObject } from '../../../crds/meta/json.ts'
import { follow } from '../../registry/follow.ts'
import { KeyQueue } from '../../registry/key-queue.ts'
import { at, objectAt, objectsAt, stringsAt, textAt, type KubeObject } from '../../registry/kube-object.ts'
import type { ObjectStore } from '../../registry/object-store.ts'
import type { ResourceDefinition } from '../../registry/resource-definition.ts'
import type { ResourceMap } from '../../registry/resource-map.ts'
import { compileExpression } from '../cel/expressions.ts'
import { paramKindOf, type ParamKind } from './compiled-policy.ts'
import { typedEnvironment } from './typed-environment.ts'
import { compileVariables } from './variables.ts'

export interface TypeCheckingDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  /** Of ValidatingAdmissionPolicies. */
  readonly definition: ResourceDefinition
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Writes into the status of policies what in their expressions does not fit the kinds that they are about. */
export async function startTypeChecking(deps: TypeCheckingDeps): Promise<void> {
  const { objects, definition, signal } = deps
  const cache = await objects.cache(definition, signal)
  const queue = new KeyQueue({
    ...deps,
    name: 'policy type checking',
    async work(key) {
      const policy = cache.get(key)?.object as KubeObject | undefined
      if (policy && isUnchecked(policy)) await writeStatus(deps, key, policy)
    },
  })
  await follow(objects, definition, signal, {
    onPresent: (items) => items.forEach(({ key }) => queue.add(key)),
    onEvents: (events) => events.forEach(({ item }) => queue.add(item.key)),
  })
}

function isUnchecked({ metadata, status }: KubeObject): boolean {
  return metadata.generation !== at(status, 'observedGeneration')
}

async function writeStatus(deps: TypeCheckingDeps, key: string, policy: KubeObject): Promise<void> {
  const { objects, definition, resources, signal } = deps
  const warnings = typeWarnings(policy, resources)
  const { name = '', uid, generation = 0 } = policy.metadata
  try {
    await objects.change(
      definition,
      key,
      (current) => {
        if (!current || current.metadata.uid !== uid)
          throw notFound({ group: definition.group, resource: definition.plural }, name)
        // A newer one will be looked at when it is seen.
        if (current.metadata.generation !== generation) return { type: 'write', object: current }
        const typeChecking = warnings.length > 0 ? { expressionWarnings: warnings } : {}
        const status = { ...objectAt(current, 'status'), observedGeneration: generation, typeChecking }
        return { type: 'write', object: { ...current, status } }
      },
      { dryRun: false, signal },
    )
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

// Policies for many kinds are looked at for the first few.
const maxKinds = 10

/** One warning per expression, with a line per kind that it does not fit. */
export function typeWarnings(policy: KubeObject, resources: ResourceMap): JsonObject[] {
  const spec = objectAt(policy, 'spec')
  const kinds = matchedKinds(spec, resources).slice(0, maxKinds)
  const paramKind = paramKindOf(spec)
  const params = paramKind && definitionOf(paramKind, resources)
  const problems = new Map<string, string[]>()
  for (const kind of kinds) {
    const { environment } = compileVariables(spec, () =>
      typedEnvironment(kind, params, paramKind !== undefined),
    )
    for (const { field, expression, type } of expressionsOf(spec)) {
      const compiled = compileExpression(environment, expression, [type])
      if (!('error' in compiled)) continue
      const line = `${kind.group}/${kind.version}, Kind=${kind.kind}: ERROR: ${compiled.error}`
      problems.set(field, [...(problems.get(field) ?? []), line])
    }
  }
  return [...problems].map(([fieldRef, lines]) => ({ fieldRef, warning: lines.join('\n') }))
}

function expressionsOf(spec: JsonObject): { field: string; expression: string; type: string }[] {
  return objectsAt(spec, 'validations').flatMap((validation, index) => {
    const field = `spec.validations[${index}]`
    const message = textAt(validation, 'messageExpression')
    return [
      { field: `${field}.expression`, expression: textAt(validation, 'expression'), type: 'bool' },
      ...(message === ''
        ? []
        : [{ field: `${field}.messageExpression`, expression: message, type: 'string' }]),
    ]
  })
}

/** The kinds that rules name one by one: what a wildcard matches is not known. */
function matchedKinds(spec: JsonObject, resources: ResourceMap): ResourceDefinition[] {
  const found = new Set<ResourceDefinition>()
  for (const rule of objectsAt(spec, 'matchConstraints', 'resourceRules')) {
    for (const group of stringsAt(rule, 'apiGroups')) {
      for (const version of stringsAt(rule, 'apiVersions')) {
        for (const resource of stringsAt(rule, 'resources')) {
          const definition = resources.find(group, version, resource)
          if (definition) found.add(definition)
        }
      }
    }
  }
  return [...found]
}

function definitionOf(
  { apiVersion, kind }: ParamKind,
  resources: ResourceMap,
): ResourceDefinition | undefined {
  const slash = apiVersion.indexOf('/')
  return resources.findKind(slash < 0 ? '' : apiVersion.slice(0, slash), kind, apiVersion.slice(slash + 1))
}
