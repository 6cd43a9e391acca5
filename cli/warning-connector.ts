import { Connector } from '../apimachinery/client/http/connector.ts'
import type { Connection } from '../apimachinery/client/http/connection.ts'

/** A Connector that tells the warnings (`Warning: 299 - "text"`) that come with answers. */
export class WarningConnector extends Connector {
  readonly #onWarning: (text: string) => void

  constructor(onWarning: (text: string) => void, ...rest: ConstructorParameters<typeof Connector>) {
    super(...rest)
    this.#onWarning = onWarning
  }

  override async connection(): Promise<Connection> {
    const connection = await super.connection()
    const tell = this.#onWarning
    return {
      get usable() {
        return connection.usable
      },
      get closed() {
        return connection.closed
      },
      async send(request) {
        const response = await connection.send(request)
        for (const text of warningsIn(response.headers['warning'])) tell(text)
        return response
      },
      probe: (timeoutMs) => connection.probe(timeoutMs),
      retire: () => connection.retire(),
      destroy: (why) => connection.destroy(why),
    }
  }
}

/** The texts of a header, or of several joined by commas. */
export function warningsIn(header: string | string[] | undefined): string[] {
  if (header === undefined) return []
  const text = Array.isArray(header) ? header.join(', ') : header
  const found = text.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)
  return [...found].map(([, quoted = '']) => quoted.replaceAll(/\\(.)/g, '$1'))
}
