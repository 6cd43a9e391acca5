import type { ClientConfig } from '../apimachinery/client/http-client.ts'
import { readAll, readLines } from '../apimachinery/client/http/body.ts'
import { Exchange, type ExchangeRequest } from '../apimachinery/client/http/exchange.ts'
import { withQuery } from '../apimachinery/client/http/resource-path.ts'
import { systemClock } from '../apimachinery/clock.ts'
import { version } from '../apimachinery/version.ts'
import type { Api, ApiRequest } from './api.ts'
import { WarningConnector } from './warning-connector.ts'

const maxAnswerBytes = 256 << 20
const maxLineBytes = 16 << 20

export interface HttpApiOptions {
  /** Until an answer is complete, and until a stream begins; in milliseconds. */
  readonly timeoutMs: number
  /** Ends every request that has no signal of its own. */
  readonly signal: AbortSignal
  /** Told each warning that the server sends along. */
  readonly onWarning: (text: string) => void
}

/** An `Api` over one shared HTTP/2 connection. */
export function httpApi(config: ClientConfig, { timeoutMs, signal, onWarning }: HttpApiOptions): Api {
  const url = new URL(config.server)
  const connector = new WarningConnector(onWarning, url, config.credentials, systemClock)
  const exchange = new Exchange({
    connector,
    clock: systemClock,
    userAgent: `kvorum/${version}`,
    pathPrefix: url.pathname.replace(/\/+$/, ''),
  })
  const sent = ({ path, query, ...request }: ApiRequest): ExchangeRequest => ({
    signal,
    ...request,
    path: withQuery(path, query ?? {}),
    timeoutMs,
  })
  return {
    json: (request) => exchange.json(sent(request), maxAnswerBytes),
    async text(request) {
      const body = await exchange.stream(sent({ accept: '*/*', ...request }))
      return (await readAll(body, maxAnswerBytes)).toString('utf8')
    },
    async *lines(request) {
      for await (const line of readLines(await exchange.stream(sent(request)), maxLineBytes)) {
        yield JSON.parse(line.toString('utf8')) as unknown
      }
    },
    async *bytes(request) {
      yield* await exchange.stream(sent({ accept: '*/*', ...request }))
    },
    close: async () => connector.close(),
  }
}
