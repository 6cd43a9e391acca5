import { isNotFound } from '../../apimachinery/status-error.ts'
import { secrets } from '../registry/builtin/config.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ControllerDeps } from './namespace-content.ts'

const lastUsedLabel = 'kubernetes.io/legacy-token-last-used'

/** Notes on Secrets the last day on which their token was used, so that people see which they can do without. */
export function legacyUseRecorder({
  local,
  clock,
  log,
  signal,
}: ControllerDeps): (secret: KubeObject) => void {
  const noted = new Map<string, string>()
  const note = async ({ metadata }: KubeObject, day: string) => {
    const { namespace = '', name = '', uid } = metadata
    await local.update(secrets, { namespace, name }, (current) => {
      const { labels } = current.metadata
      if (current.metadata.uid !== uid || labels?.[lastUsedLabel] === day) return undefined
      return { ...current, metadata: { ...current.metadata, labels: { ...labels, [lastUsedLabel]: day } } }
    })
  }
  return (secret) => {
    const day = new Date(clock.now()).toISOString().slice(0, 10)
    const { uid = '', namespace, name, labels } = secret.metadata
    if (labels?.[lastUsedLabel] === day || noted.get(uid) === day) return
    noted.set(uid, day)
    note(secret, day).catch((error: unknown) => {
      noted.delete(uid)
      if (signal.aborted || isNotFound(error)) return
      log.warn('Noting the use of a token failed', { secret: `${namespace}/${name}`, error })
    })
  }
}
