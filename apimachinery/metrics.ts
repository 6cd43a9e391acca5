import { collectDefaultMetrics, Registry } from 'prom-client'

/**
 * A registry with the process's own figures (memory, CPU, event-loop lag) in it. One per process, made in its
 * `main.ts` and passed to whoever counts something.
 */
export function processRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}
