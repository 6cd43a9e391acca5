import type { Client } from '../../../../apimachinery/client/client.ts'
import { StatusError } from '../../../../apimachinery/status-error.ts'

/** Writes for which `isLost` is true once they are carried out fail all the same, as if the server had died after them. */
export function loseAnswers(client: Client, isLost: () => boolean): void {
  const losing = <A extends unknown[]>(call: (...args: A) => Promise<unknown>) => {
    return async (...args: A): Promise<never> => {
      const answer = await call(...args)
      if (isLost()) throw new StatusError('ServiceUnavailable', 'answer lost')
      return answer as never
    }
  }
  client.create = losing(client.create.bind(client))
  client.update = losing(client.update.bind(client))
  client.patch = losing(client.patch.bind(client))
  client.delete = losing(client.delete.bind(client))
}
