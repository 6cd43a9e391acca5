import type { ClientConfig } from '../apimachinery/client/http-client.ts'
import { readLines } from '../apimachinery/client/http/body.ts'
import { Connector } from '../apimachinery/client/http/connector.ts'
import { Exchange, type ExchangeRequest } from '../apimachinery/client/http/exchange.ts'
import { withQuery } from '../apimachinery/client/http/resource-path.ts'
import { systemClock } from '../apimachinery/clock.ts'
import { version } from '../apimachinery/version.ts'
import type { Api, ApiRequest } from './api.ts'

const answerMs = 60_000
const maxAnswerBytes = 256 << 20
const maxLineBytes = 16 << 20

/** An `Api` over one shared HTTP/2 connection. */
export function httpApi(config: ClientConfig): Api {
  const url = new URL(config.server)
  const connector = new Connector(url, config.credentials, systemClock)
  const exchange = new Exchange({
    connector,
    clock: systemClock,
    userAgent: `kvorum/${version}`,
    pathPrefix: url.pathname.replace(/\/+$/, ''),
  })
  return {
    json: (request) => exchange.json(toExchange(request), maxAnswerBytes),
    async *lines(request) {
      for await (const line of readLines(await exchange.stream(toExchange(request)), maxLineBytes)) {
        yield JSON.parse(line.toString('utf8')) as unknown
      }
    },
    close: async () => connector.close(),
  }
}

function toExchange({ path, query, ...request }: ApiRequest): ExchangeRequest {
  return { ...request, path: withQuery(path, query ?? {}), timeoutMs: answerMs }
}
