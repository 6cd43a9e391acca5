import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { labelSelectorFrom, type LabelSelector } from '../../apimachinery/selectors/label-selector.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { LocalApi } from '../handlers/local-api.ts'
import { clusterRoles } from '../registry/builtin/identity.ts'
import { follow } from '../registry/follow.ts'
import { KeyQueue } from '../registry/key-queue.ts'
import { at, objectsAt, type KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { keyOf } from '../registry/resource-definition.ts'

export interface RoleAggregationDeps {
  readonly objects: ObjectStore
  /** Writes in the name of this controller. */
  readonly local: Pick<LocalApi, 'apply'>
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Field manager of the collected rules. */
export const aggregationManager = 'clusterrole-aggregation-controller'

/** Keeps the rules of cluster roles with an `aggregationRule` equal to those of the roles that it selects. */
export class RoleAggregation {
  readonly #deps: RoleAggregationDeps
  readonly #queue: KeyQueue
  readonly #known = new Map<string, KubeObject>()

  constructor(deps: RoleAggregationDeps) {
    this.#deps = deps
    this.#queue = new KeyQueue({ ...deps, name: 'role aggregation', work: (key) => this.#reconcile(key) })
  }

  /** Resolves when every collecting role has its rules. */
  async start(): Promise<void> {
    const { objects, signal } = this.#deps
    await follow(objects, clusterRoles, signal, {
      onPresent: (items) => {
        this.#known.clear()
        for (const { key, object } of items) this.#known.set(key, object as KubeObject)
        this.#queueCollecting()
      },
      onEvents: (events) => {
        for (const { type, item } of events) {
          if (type === 'DELETED') this.#known.delete(item.key)
          else this.#known.set(item.key, item.object as KubeObject)
        }
        this.#queueCollecting()
      },
    })
    // One role may collect from another that collects: each round brings rules one step further.
    for (let seen = -1; seen !== this.#writes;) {
      seen = this.#writes
      await this.#queue.idle()
      this.#queueCollecting()
      await this.#queue.idle()
    }
  }

  #writes = 0

  #queueCollecting(): void {
    for (const [key, role] of this.#known) if (at(role, 'aggregationRule') !== undefined) this.#queue.add(key)
  }

  async #reconcile(key: string): Promise<void> {
    const role = this.#known.get(key)
    if (!role) return
    const rules = this.#collect(role)
    if (jsonEqual(rules, objectsAt(role, 'rules'))) return
    const { objects, local, signal } = this.#deps
    const { name = '' } = role.metadata
    const { apiVersion, kind } = role
    await local.apply(clusterRoles, { apiVersion, kind, metadata: { name }, rules })
    this.#writes += 1
    // What others collect from this role counts from now on, whenever the event comes.
    const written = await objects.read(clusterRoles, keyOf(clusterRoles, '', name), undefined, signal)
    if (written) this.#known.set(key, written.object as KubeObject)
  }

  #collect(role: KubeObject): JsonObject[] {
    const selectors = objectsAt(role, 'aggregationRule', 'clusterRoleSelectors').flatMap(
      (selector) => this.#compiled(selector, role) ?? [],
    )
    const sources = [...this.#known.values()]
      .filter((one) => one.metadata.name !== role.metadata.name)
      .filter(({ metadata }) => selectors.some((selector) => selector.matches(metadata.labels)))
      .toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
    const rules: JsonObject[] = []
    for (const rule of sources.flatMap((source) => objectsAt(source, 'rules'))) {
      if (!rules.some((one) => jsonEqual(one, rule))) rules.push(rule)
    }
    return rules
  }

  #compiled(selector: JsonObject, { metadata }: KubeObject): LabelSelector | undefined {
    try {
      return labelSelectorFrom(selector)
    } catch (error) {
      this.#deps.log.warn('Skipped a selector of a cluster role', { role: metadata.name, error })
      return undefined
    }
  }
}
