import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import type { KubeObject } from '../registry/kube-object.ts'

/**
 * The second round of mutations for one write. What asked for it is called again when somebody changed the object
 * after its own call; nothing is called a third time.
 */
export class Reinvocation {
  readonly #plugins = new Map<string, PluginCalls>()
  #requested = false
  #again = false

  /** True in the second round. */
  get again(): boolean {
    return this.#again
  }

  /** True when the first round ended with calls that have to be repeated. */
  get requested(): boolean {
    return this.#requested
  }

  begin(): void {
    this.#again = true
    this.#requested = false
  }

  /** What the plugin of that name has called so far. */
  callsOf(plugin: string): PluginCalls {
    let calls = this.#plugins.get(plugin)
    if (!calls) this.#plugins.set(plugin, (calls = new PluginCalls(() => (this.#requested = true))))
    return calls
  }
}

/** The calls of one plugin (webhooks, policies) for one write. */
export class PluginCalls {
  readonly #request: () => void
  readonly #repeatable = new Set<string>()
  readonly #pending = new Set<string>()
  #last: KubeObject | undefined

  constructor(request: () => void) {
    this.#request = request
  }

  /** At the start of the second round: what others have changed since makes all repeatable calls due. */
  resume(object: KubeObject | undefined): void {
    if (this.#last && object && !jsonEqual(this.#last, object)) this.#repeatAll()
  }

  isDue(id: string): boolean {
    return this.#pending.has(id)
  }

  /** To be told after each call, in order. */
  called(id: string, { changed, repeatable }: { changed: boolean; repeatable: boolean }): void {
    if (changed) {
      this.#repeatAll()
      this.#request()
    }
    if (repeatable) this.#repeatable.add(id)
  }

  finish(object: KubeObject | undefined): void {
    this.#last = object
  }

  #repeatAll(): void {
    for (const id of this.#repeatable) this.#pending.add(id)
    this.#repeatable.clear()
  }
}
