import { timestamp, type Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { isNotFound } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { LocalApi } from '../handlers/local-api.ts'
import { editStored } from '../lifecycle/remove-stored.ts'
import { follow } from '../registry/follow.ts'
import { objectAt, objectsAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { keyOf, type ResourceDefinition } from '../registry/resource-definition.ts'
import {
  autoUpdateAnnotation,
  mandatoryFlowSchemas,
  mandatoryLevels,
  suggestedFlowSchemas,
  suggestedLevels,
} from './default-configuration.ts'
import type { FairDispatcher } from './dispatcher.ts'
import { flowSchemas } from './flow-schemas.ts'
import { priorityLevels } from './priority-levels.ts'

export interface FairnessConfigurationDeps {
  readonly objects: ObjectStore
  readonly local: LocalApi
  readonly dispatcher: FairDispatcher
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

const defaults: readonly (readonly [ResourceDefinition, readonly KubeObject[], 'mandatory' | 'suggested'])[] =
  [
    [priorityLevels, mandatoryLevels, 'mandatory'],
    [priorityLevels, suggestedLevels, 'suggested'],
    [flowSchemas, mandatoryFlowSchemas, 'mandatory'],
    [flowSchemas, suggestedFlowSchemas, 'suggested'],
  ]

const lendEveryMs = 10_000
const restoreEveryMs = 60_000

/** Keeps the default objects in place and the dispatcher up to date with what is stored. */
export class FairnessConfiguration {
  readonly #deps: FairnessConfigurationDeps
  #scheduled = false

  constructor(deps: FairnessConfigurationDeps) {
    this.#deps = deps
  }

  /** Resolves once the configuration in the store is in use. */
  async start(): Promise<void> {
    const { objects, signal } = this.#deps
    await this.#restoreDefaults()
    for (const definition of [flowSchemas, priorityLevels]) {
      await follow(objects, definition, signal, {
        onPresent: () => this.#schedule(),
        onEvents: () => this.#schedule(),
      })
    }
    await this.#apply()
    this.#repeat(lendEveryMs, () => this.#deps.dispatcher.lendSeats())
    this.#repeat(
      restoreEveryMs,
      () => void this.#restoreDefaults().catch((error: unknown) => this.#tell(error)),
    )
  }

  /** Several changes at once are one. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#apply().catch((error: unknown) => this.#tell(error))
    })
  }

  async #apply(): Promise<void> {
    const levels = await this.#stored(priorityLevels)
    const schemas = await this.#stored(flowSchemas)
    this.#deps.dispatcher.configure(schemas, levels)
    const names = new Set(levels.map(({ metadata }) => metadata.name))
    for (const schema of schemas) await this.#tellDangling(schema, names)
  }

  async #stored(definition: ResourceDefinition): Promise<KubeObject[]> {
    const { objects, signal } = this.#deps
    const cache = await objects.cache(definition, signal)
    return cache.list(definition.stored.prefix).map(({ object }) => object as KubeObject)
  }

  async #tellDangling(schema: KubeObject, levels: ReadonlySet<string | undefined>): Promise<void> {
    const level = textAt(schema, 'spec', 'priorityLevelConfiguration', 'name')
    const condition = danglingCondition(level, levels.has(level))
    if (hasCondition(schema, condition)) return
    const { uid, name = '' } = schema.metadata
    const place = { key: keyOf(flowSchemas, '', name), uid }
    await editStored(this.#deps, flowSchemas, place, (current) => ({
      object: hasCondition(current, condition)
        ? current
        : withCondition(current, condition, timestamp(this.#deps.clock)),
      released: false,
    }))
  }

  async #restoreDefaults(): Promise<void> {
    for (const [definition, wanted, role] of defaults) {
      for (const object of wanted) await this.#restore(definition, object, role)
    }
  }

  async #restore(definition: ResourceDefinition, wanted: KubeObject, role: string): Promise<void> {
    const { local } = this.#deps
    const { name = '' } = wanted.metadata
    await local.createIfMissing(definition, wanted)
    try {
      await local.update(definition, { namespace: '', name }, (stored) => {
        const updated = stored.metadata.annotations?.[autoUpdateAnnotation] === 'true'
        if (!updated && role === 'suggested') return undefined
        // What may be set of the exempt level is how much it lends.
        if (!updated && definition === priorityLevels && name === 'exempt') return undefined
        if (jsonEqual(stored['spec'], wanted['spec'])) return undefined
        return { ...stored, spec: objectAt(wanted, 'spec') }
      })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  #repeat(everyMs: number, run: () => void): void {
    const { clock, signal } = this.#deps
    const next = () => {
      const cancel = clock.after(everyMs, () => {
        signal.removeEventListener('abort', cancel)
        run()
        if (!signal.aborted) next()
      })
      signal.addEventListener('abort', cancel, { once: true })
    }
    if (!signal.aborted) next()
  }

  #tell(error: unknown): void {
    const { log, signal } = this.#deps
    if (!signal.aborted) log.warn('Keeping up with flow schemas failed', { error })
  }
}

function danglingCondition(level: string, found: boolean): JsonObject {
  const name = JSON.stringify(level)
  return {
    type: 'Dangling',
    status: found ? 'False' : 'True',
    reason: found ? 'Found' : 'NotFound',
    message: found
      ? `This FlowSchema references the PriorityLevelConfiguration object named ${name} and it exists`
      : `This FlowSchema references the PriorityLevelConfiguration object named ${name} but there is no such object`,
  }
}

function hasCondition(schema: KubeObject, wanted: JsonObject): boolean {
  return objectsAt(schema, 'status', 'conditions').some((one) => {
    const { lastTransitionTime: _, ...rest } = one
    return jsonEqual(rest, wanted)
  })
}

function withCondition(schema: KubeObject, condition: JsonObject, now: string): KubeObject {
  const others = objectsAt(schema, 'status', 'conditions').filter(({ type }) => type !== condition['type'])
  return { ...schema, status: { conditions: [...others, { ...condition, lastTransitionTime: now }] } }
}
