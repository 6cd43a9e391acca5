import type { Client } from '../../../../apimachinery/client/client.ts'
import { StatusError } from '../../../../apimachinery/status-error.ts'

/** Writes for which `isLost` is true once they are carried out fail all the same, as if the server had died after them. */
export function loseAnswers(client: Client, isLost: () => boolean): void {
  const losing = <R>(answer: R): R => {
    if (isLost()) throw new StatusError('ServiceUnavailable', 'answer lost')
    return answer
  }
  const { create, update, patch, delete: remove } = client
  client.create = async (...args) => losing((await create.apply(client, args)) as never)
  client.update = async (...args) => losing((await update.apply(client, args)) as never)
  client.patch = async (...args) => losing((await patch.apply(client, args)) as never)
  client.delete = async (...args) => losing(await remove.apply(client, args))
}
