import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics, type Metric } from 'prom-client'
import type { RequestInfo } from '../http/request-info.ts'

const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** Verbs and codes come from a closed set, resources only as far as they are served: labels stay bounded. */
const otherResource = 'other'

/** Metrics of one API server, in a registry of its own. Names follow kube-apiserver. */
export class ServerMetrics {
  readonly registry = new Registry()
  readonly #requests: Counter<'verb' | 'group' | 'resource' | 'subresource' | 'code'>
  readonly #durations: Histogram<'verb' | 'group' | 'resource'>
  readonly #inFlight: Gauge<'request_kind'>
  readonly #watches: Gauge<'group' | 'resource'>
  #isServed: (info: RequestInfo) => boolean = () => false

  /** `others` are counted elsewhere and shown here. */
  constructor(others: readonly Metric[] = []) {
    for (const metric of others) this.registry.registerMetric(metric)
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    this.#requests = new Counter({
      name: 'apiserver_request_total',
      help: 'Requests by verb, resource and HTTP code.',
      labelNames: ['verb', 'group', 'resource', 'subresource', 'code'],
      registers,
    })
    this.#durations = new Histogram({
      name: 'apiserver_request_duration_seconds',
      help: 'Time until a request was answered, watches excepted.',
      labelNames: ['verb', 'group', 'resource'],
      buckets: durationBuckets,
      registers,
    })
    this.#inFlight = new Gauge({
      name: 'apiserver_current_inflight_requests',
      help: 'Requests being worked on.',
      labelNames: ['request_kind'],
      registers,
    })
    this.#watches = new Gauge({
      name: 'apiserver_longrunning_requests',
      help: 'Open watches.',
      labelNames: ['group', 'resource'],
      registers,
    })
  }

  /** Tells which requests are for resources that exist. */
  knowResources(isServed: (info: RequestInfo) => boolean): void {
    this.#isServed = isServed
  }

  /** Call the returned function with the HTTP code and the seconds it took. */
  begin(info: RequestInfo): (code: number, seconds: number) => void {
    const { verb, group, resource, subresource } = this.#labels(info)
    const kind = verb === 'get' || verb === 'list' || verb === 'watch' ? 'readOnly' : 'mutating'
    this.#inFlight.inc({ request_kind: kind })
    return (code, seconds) => {
      this.#inFlight.dec({ request_kind: kind })
      this.#requests.inc({ verb, group, resource, subresource, code: String(code) })
      if (verb !== 'watch') this.#durations.observe({ verb, group, resource }, seconds)
    }
  }

  watchOpened(info: RequestInfo): () => void {
    const { group, resource } = this.#labels(info)
    this.#watches.inc({ group, resource })
    return () => this.#watches.dec({ group, resource })
  }

  #labels(info: RequestInfo) {
    const { verb, group, resource, subresource, isResource } = info
    if (isResource && this.#isServed(info)) return { verb, group, resource, subresource }
    return { verb, group: '', resource: isResource ? otherResource : '', subresource: '' }
  }
}
