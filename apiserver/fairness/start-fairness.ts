import type { Registry } from 'prom-client'
import type { ResourceMap } from '../registry/resource-map.ts'
import { FairDispatcher } from './dispatcher.ts'
import { FairnessConfiguration, type FairnessConfigurationDeps } from './fairness-configuration.ts'
import { FairnessMetrics } from './fairness-metrics.ts'
import { requestWidth, type RequestWidth } from './request-width.ts'

export interface Fairness {
  readonly dispatcher: FairDispatcher
  readonly width: RequestWidth
}

export interface FairnessOptions extends Omit<FairnessConfigurationDeps, 'dispatcher'> {
  readonly resources: ResourceMap
  readonly registry: Registry
  /** How many requests the server works on at a time. */
  readonly totalSeats: number
  readonly requestTimeoutMs: number
}

/** A request waits for at most this part of the time that it has. */
const waitingPart = 4

/** Makes the default configuration where it is missing, and resolves when requests can be sorted. */
export async function startFairness(options: FairnessOptions): Promise<Fairness> {
  const { objects, resources, registry, totalSeats, requestTimeoutMs, clock } = options
  const dispatcher = new FairDispatcher({
    totalSeats,
    maxWaitMs: requestTimeoutMs / waitingPart,
    clock,
    metrics: new FairnessMetrics(registry),
  })
  await new FairnessConfiguration({ ...options, dispatcher }).start()
  return { dispatcher, width: requestWidth(objects, resources) }
}
