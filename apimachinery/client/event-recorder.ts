import type { KubeObject } from '../../crds/meta/object-meta.ts'

/**
 * Writes `events.k8s.io/v1` Events about objects. Fire and forget: an Event that cannot be written is logged and
 * dropped; the same reason and note about the same object becomes one series with a count.
 */
export interface EventRecorder {
  normal(regarding: KubeObject, reason: string, note: string): void
  warning(regarding: KubeObject, reason: string, note: string): void
}
