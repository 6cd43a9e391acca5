import { Registry } from 'prom-client'
import { afterEach } from 'vitest'
import { type Informer, informer } from '../../../../apimachinery/client/informer.ts'
import { type Logger, silentLogger } from '../../../../apimachinery/log.ts'
import {
  type ControllerSpec,
  type RunningController,
  startController,
} from '../../../../controllers/runtime/controller.ts'
import { controllerMetrics } from '../../../../controllers/runtime/controller-metrics.ts'
import type { Step } from '../../../../controllers/runtime/reconciler.ts'
import type { KubeObject } from '../../../../crds/meta/object-meta.ts'
import { manualClock } from '../../../support/clock.ts'
import { fakeClient } from '../../../support/fake-client.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

type Line = { level: string; message: string; fields: Record<string, unknown> }

function recordingLogger(lines: Line[], bound: object = {}): Logger {
  const at = (level: string) => (message: string, fields?: object) =>
    void lines.push({ level, message, fields: { ...bound, ...fields } })
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recordingLogger(lines, { ...bound, ...fields }),
  }
}

/** An API in memory, and controllers and caches on it that end with the test. */
export function setUp() {
  const clock = manualClock()
  const client = fakeClient({ clock })
  const registry = new Registry()
  const lines: Line[] = []
  const runtime = {
    client,
    clock,
    log: recordingLogger(lines),
    events: { normal() {}, warning() {} },
    metrics: controllerMetrics(registry),
    random: () => 1,
  }
  const follow = <T extends KubeObject>(
    resource: Parameters<typeof informer<T>>[0]['resource'],
  ): Informer<T> => {
    const one = informer({ client, resource, clock, log: silentLogger })
    stops.push(() => one.stop())
    one.start()
    return one
  }
  const run = <T extends KubeObject>(
    following: Informer<T>,
    reconcile: Step<T>,
    options: Partial<ControllerSpec<T>> = {},
  ): RunningController => {
    const spec = { reconciler: { name: 'test', reconcile }, informer: following, ...options }
    const controller = startController(spec, runtime)
    stops.push(() => controller.stop())
    return controller
  }
  const passes = async () => {
    const { values } = await runtime.metrics.passes.get()
    return Object.fromEntries(values.map(({ labels, value }) => [labels.result, value]))
  }
  return { clock, client, runtime, registry, lines, follow, run, passes }
}

export const key = { name: 'disk-1', namespace: 'default' }
