import type { Clock } from '../../apimachinery/clock.ts'
import { isJsonObject } from '../../crds/meta/json.ts'
import { at, objectAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import { mandatoryFlowSchemas, mandatoryLevels } from './default-configuration.ts'
import { FairQueues, RefusedError, type Queuing, type Release } from './fair-queues.ts'
import type { FairnessMetrics } from './fairness-metrics.ts'
import { byPrecedence, matcherOf, type FlowMatcher, type FlowRequest } from './match-flow.ts'
import { claimsOf, shareSeats, type LevelShare, type SeatClaim } from './share-seats.ts'

export interface DispatcherDeps {
  /** Seats of the whole server. */
  readonly totalSeats: number
  /** A request that has waited this long is refused. */
  readonly maxWaitMs: number
  readonly clock: Clock
  readonly metrics: FairnessMetrics
}

/** Where a request was sorted in: what its answer tells in headers. */
export interface Classified {
  readonly schema: FlowMatcher
  readonly levelUid: string
  /** The most seats that one request of the level may take. */
  readonly maxSeats: number
  /** Waits for seats. Throws RefusedError. */
  acquire(seats: number, signal: AbortSignal): Promise<Release>
}

interface Level {
  readonly uid: string
  readonly share: LevelShare
  readonly claim: SeatClaim
  /** Undefined for what is never limited. */
  readonly queues: FairQueues | undefined
}

const widestRequest = 10
/** No single request takes more of its level than this. */
const widestPart = 0.15

/** Sorts requests into flows and priority levels, and lets each level have its share of the server. */
export class FairDispatcher {
  readonly #deps: DispatcherDeps
  #schemas: readonly FlowMatcher[] = []
  #levels = new Map<string, Level>()

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
    this.configure([], [])
  }

  /** Takes the configuration as it is stored now; what has to be there always is added when it is missing. */
  configure(schemas: readonly KubeObject[], levels: readonly KubeObject[]): void {
    const allLevels = [...levels, ...missing(mandatoryLevels, levels)]
    const shares = allLevels.map(shareOf)
    const claims = claimsOf(shares, this.#deps.totalSeats)
    const before = this.#levels
    this.#levels = new Map()
    for (const [index, object] of allLevels.entries()) {
      const [share, claim] = [shares[index], claims[index]]
      const { name = '', uid = '' } = object.metadata
      if (!share || !claim) continue
      const queues = this.#queuesOf(object, claim, before.get(name)?.queues)
      this.#levels.set(name, { uid, share, claim, queues })
    }
    for (const name of before.keys()) if (!this.#levels.has(name)) this.#deps.metrics.forget(name)
    this.#schemas = [...schemas, ...missing(mandatoryFlowSchemas, schemas)]
      .map(matcherOf)
      .filter(({ level }) => this.#levels.has(level))
      .toSorted(byPrecedence)
    this.lendSeats()
  }

  /** Gives seats that one level has no use for to those that have; call it every few seconds. */
  lendSeats(): void {
    const limited = [...this.#levels].flatMap(([name, level]) =>
      level.queues ? [{ name, level, queues: level.queues }] : [],
    )
    const claims = limited.map(({ level, queues }) => ({ ...level.claim, demand: queues.takePeakDemand() }))
    const seats = shareSeats(claims, this.#deps.totalSeats)
    for (const [index, { name, queues }] of limited.entries()) {
      const claim = claims[index]
      const current = seats[index]
      if (!claim || current === undefined) continue
      queues.resize(current)
      this.#deps.metrics.seats(name, { ...claim, current })
    }
  }

  classify(request: FlowRequest): Classified {
    const schema = this.#schemas.find((one) => one.matches(request)) ?? this.#schemas.at(-1)
    const level = schema && this.#levels.get(schema.level)
    if (!schema || !level) throw new Error('there is no flow schema at all')
    return {
      schema,
      levelUid: level.uid,
      maxSeats: Math.max(1, Math.min(widestRequest, Math.ceil(level.claim.nominal * widestPart))),
      acquire: async (seats, signal) => {
        const flow = `${schema.name} ${schema.distinguish(request)}`
        return await this.#acquire(schema, level, { flow, seats, signal })
      },
    }
  }

  async #acquire(
    schema: FlowMatcher,
    { queues }: Level,
    request: { flow: string; seats: number; signal: AbortSignal },
  ): Promise<Release> {
    const { clock, metrics } = this.#deps
    const labels = { priority_level: schema.level, flow_schema: schema.name }
    const asked = clock.monotonic()
    let release: Release = () => {}
    if (queues) {
      metrics.waiting(labels, 1)
      try {
        release = await queues.acquire(request)
      } catch (error) {
        if (error instanceof RefusedError) {
          metrics.rejected(labels, error.reason, clock.monotonic() - asked)
        }
        throw error
      } finally {
        metrics.waiting(labels, -1)
      }
    }
    metrics.dispatched(labels, request.seats, clock.monotonic() - asked)
    let released = false
    return () => {
      if (released) return
      released = true
      metrics.finished(labels, request.seats)
      release()
    }
  }

  #queuesOf(
    level: KubeObject,
    { nominal }: SeatClaim,
    before: FairQueues | undefined,
  ): FairQueues | undefined {
    if (textAt(level, 'spec', 'type') === 'Exempt') return undefined
    const queuing = queuingOf(level)
    if (!before) {
      const { clock, maxWaitMs } = this.#deps
      return new FairQueues(clock, { seats: nominal, queuing, maxWaitMs })
    }
    before.queueAs(queuing)
    return before
  }
}

function missing(wanted: readonly KubeObject[], there: readonly KubeObject[]): KubeObject[] {
  const names = new Set(there.map(({ metadata }) => metadata.name))
  return wanted.filter(({ metadata }) => !names.has(metadata.name))
}

function shareOf(level: KubeObject): LevelShare {
  const spec = objectAt(level, 'spec')
  const share = objectAt(spec, spec['type'] === 'Exempt' ? 'exempt' : 'limited')
  const { nominalConcurrencyShares: shares, lendablePercent, borrowingLimitPercent } = share
  return {
    shares: typeof shares === 'number' ? shares : 0,
    lendablePercent: typeof lendablePercent === 'number' ? lendablePercent : 0,
    borrowingLimitPercent: typeof borrowingLimitPercent === 'number' ? borrowingLimitPercent : undefined,
  }
}

function queuingOf(level: KubeObject): Queuing | undefined {
  const queuing = at(level, 'spec', 'limited', 'limitResponse', 'queuing')
  if (!isJsonObject(queuing)) return undefined
  const numberAt = (field: string, fallback: number) =>
    typeof queuing[field] === 'number' ? queuing[field] : fallback
  return {
    queues: numberAt('queues', 64),
    handSize: numberAt('handSize', 8),
    queueLengthLimit: numberAt('queueLengthLimit', 50),
  }
}
