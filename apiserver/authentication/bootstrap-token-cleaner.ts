import { removeStored } from '../lifecycle/remove-stored.ts'
import { secrets } from '../registry/builtin/config.ts'
import { follow } from '../registry/follow.ts'
import { KeyQueue } from '../registry/key-queue.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ControllerDeps } from '../service-accounts/namespace-content.ts'
import { bootstrapNamespace, bootstrapType, expiryOf } from './bootstrap-tokens.ts'

/** Timers reach no further; what expires later is looked at again in between. */
const maxWaitMs = 24 * 60 * 60 * 1000

/** Removes bootstrap tokens when their time is over. */
export async function startBootstrapTokenCleaner(deps: Omit<ControllerDeps, 'local'>): Promise<void> {
  const { objects, clock, signal } = deps
  const timers = new Map<string, () => void>()
  const queue = new KeyQueue({ ...deps, name: 'expired bootstrap tokens', work: clean })

  async function clean(key: string): Promise<void> {
    timers.get(key)?.()
    timers.delete(key)
    const cache = await objects.cache(secrets, signal)
    const secret = cache.get(key)?.object as KubeObject | undefined
    const expiry = secret && isBootstrapToken(secret) ? expiryOf(secret) : undefined
    if (secret === undefined || expiry === undefined) return
    const waitMs = expiry - clock.now()
    if (waitMs > 0) {
      timers.set(
        key,
        clock.after(Math.min(waitMs, maxWaitMs), () => queue.add(key)),
      )
      return
    }
    const { uid } = secret.metadata
    await removeStored(deps, secrets, key, { ...(uid !== undefined && { uid }) })
  }

  const cancelAll = () => timers.forEach((cancel) => cancel())
  signal.addEventListener('abort', cancelAll, { once: true })
  await follow(objects, secrets, signal, {
    onPresent: (items) =>
      items.forEach(({ object, key }) => {
        if (isBootstrapToken(object as KubeObject)) queue.add(key)
      }),
    onEvents: (events) =>
      events.forEach(({ item }) => {
        if (isBootstrapToken(item.object as KubeObject)) queue.add(item.key)
      }),
  })
}

function isBootstrapToken(secret: KubeObject): boolean {
  return secret['type'] === bootstrapType && secret.metadata.namespace === bootstrapNamespace
}
