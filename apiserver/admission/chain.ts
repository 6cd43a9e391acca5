import type { KubeObject } from '../registry/kube-object.ts'
import type { Admission, AdmissionPlugin, AdmissionRequest } from './admission.ts'
import { Reinvocation } from './reinvocation.ts'

/** Runs plugins one after the other. Until `install` everything is admitted: only the server itself writes then. */
export class AdmissionChain implements Admission {
  #mutating: readonly AdmissionPlugin[] = []
  #validating: readonly AdmissionPlugin[] = []

  /** Sets the plugins, in the order in which they run. */
  install(plugins: readonly AdmissionPlugin[]): void {
    this.#mutating = plugins.filter((plugin) => 'mutate' in plugin)
    this.#validating = plugins.filter((plugin) => 'validate' in plugin)
  }

  async mutate(request: AdmissionRequest): Promise<KubeObject | undefined> {
    if (!this.#mutating.some((plugin) => plugin.handles?.(request) ?? true)) return request.object
    const reinvocation = new Reinvocation()
    const object = await this.#round({ ...request, reinvocation })
    if (!reinvocation.requested) return object
    reinvocation.begin()
    return await this.#round({ ...request, object, reinvocation })
  }

  async #round(request: AdmissionRequest): Promise<KubeObject | undefined> {
    let { object } = request
    for (const plugin of this.#mutating) {
      const step = { ...request, object }
      if (plugin.handles?.(step) ?? true) object = await plugin.mutate?.(step)
    }
    return object
  }

  async validate(request: AdmissionRequest): Promise<void> {
    for (const plugin of this.#validating) {
      if (plugin.handles?.(request) ?? true) await plugin.validate?.(request)
    }
  }
}
