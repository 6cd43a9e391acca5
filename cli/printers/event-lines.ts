import { z } from 'zod'
import { ageOf } from './age.ts'

/** An Event as `describe` and `events` show it. */
export interface EventLine {
  readonly type: string
  readonly reason: string
  readonly age: string
  readonly from: string
  readonly message: string
  /** `VirtualMachine/web` */
  readonly object: string
  readonly namespace: string
  /** Milliseconds since the epoch, of the last time it happened. */
  readonly lastSeen: number
}

const time = z.string().nullish()

const event = z.object({
  metadata: z.object({ namespace: z.string().nullish(), creationTimestamp: time }).optional(),
  type: z.string().nullish(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
  count: z.number().nullish(),
  firstTimestamp: time,
  lastTimestamp: time,
  eventTime: time,
  reportingComponent: z.string().nullish(),
  source: z.object({ component: z.string().nullish() }).nullish(),
  series: z.object({ count: z.number().nullish(), lastObservedTime: time }).nullish(),
  involvedObject: z.object({ kind: z.string().nullish(), name: z.string().nullish() }).nullish(),
})
type Event = z.infer<typeof event>

/** A core/v1 Event; `now` in milliseconds since the epoch. Throws a ZodError for what is none. */
export function eventLine(object: unknown, now: number): EventLine {
  const parsed = event.parse(object)
  const { kind, name } = parsed.involvedObject ?? {}
  return {
    type: orNothing(parsed.type),
    reason: orNothing(parsed.reason),
    age: interval(parsed, now),
    from: orNothing(parsed.source?.component) || orNothing(parsed.reportingComponent),
    message: orNothing(parsed.message).trim(),
    object: `${orNothing(kind)}/${orNothing(name)}`,
    namespace: orNothing(parsed.metadata?.namespace),
    lastSeen: Date.parse(orNothing(lastTime(parsed))) || 0,
  }
}

const orNothing = (value: string | null | undefined) => value ?? ''

function interval(event: Event, now: number): string {
  const since = ageOf(event.eventTime ?? event.firstTimestamp ?? event.lastTimestamp, now)
  const { series, count } = event
  if (series) return `${ageOf(series.lastObservedTime, now)} (x${series.count ?? 0} over ${since})`
  if (typeof count === 'number' && count > 1)
    return `${ageOf(event.lastTimestamp, now)} (x${count} over ${since})`
  return since
}

function lastTime({ series, lastTimestamp, eventTime, firstTimestamp, metadata }: Event) {
  return (
    series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata?.creationTimestamp
  )
}

/** The last part of a description, with tabs. */
export function formatEvents(events: readonly EventLine[]): string {
  if (events.length === 0) return 'Events:\t<none>\n'
  const rows = [
    ['Type', 'Reason', 'Age', 'From', 'Message'],
    ['----', '------', '----', '----', '-------'],
    ...events.map(({ type, reason, age, from, message }) => [type, reason, age, from, oneLine(message)]),
  ]
  return `Events:\n${rows.map((row) => `  ${row.join('\t')}\n`).join('')}`
}

const oneLine = (message: string) => message.replaceAll(/[\t\n]/g, ' ')
