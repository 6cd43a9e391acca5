import type { ApiResource, Client } from '../../../apimachinery/client/client.ts'
import type { KubeObject, Stored } from '../../../crds/meta/object-meta.ts'

const patienceMs = 40_000

/** Resolves with the object as soon as it is as `matches` wants it; undefined stands for one that is not there. */
export async function watchUntil<T extends KubeObject>(
  client: Client,
  resource: ApiResource<T>,
  name: string,
  matches: (object: Stored<T> | undefined) => boolean,
): Promise<Stored<T> | undefined> {
  const signal = AbortSignal.timeout(patienceMs)
  const selection = { fieldSelector: `metadata.name=${name}` }
  const { items, resourceVersion } = await client.list(resource, selection)
  let last = items[0]
  if (matches(last)) return last
  try {
    for await (const event of client.watch(resource, { ...selection, resourceVersion, signal })) {
      if (event.type === 'BOOKMARK') continue
      last = event.type === 'DELETED' ? undefined : event.object
      if (matches(last)) return last
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  throw new Error(
    `${resource.kind} ${name} is not as expected after ${patienceMs} ms: ${JSON.stringify(last)}`,
  )
}
