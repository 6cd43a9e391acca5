import type { Change } from './history.ts'

interface EtcdEvent {
  readonly type?: 'DELETE'
  readonly kv: { key: string; value?: string; mod_revision: string; create_revision?: string }
}

/**
 * Every change under `prefix` from `from` to `until`, asked of one etcd member over its own HTTP gateway: a way that
 * shares nothing with the programs under test.
 */
export async function readTruth(
  endpoint: string,
  { prefix, from, until }: { prefix: string; from: number; until: number },
): Promise<Change[]> {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  // The first key behind the prefix, whose last character is a slash.
  const end = `${prefix.slice(0, -1)}0`
  const stop = new AbortController()
  const response = await fetch(`${endpoint}/v3/watch`, {
    method: 'POST',
    body: JSON.stringify({
      create_request: { key: base64(prefix), range_end: base64(end), start_revision: String(from) },
    }),
    signal: stop.signal,
  })
  const changes: Change[] = []
  const tokens = new Map<string, string>()
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const { result } = JSON.parse(line) as { result: { events?: EtcdEvent[] } }
      for (const event of result.events ?? []) changes.push(changeOf(event, tokens))
    }
    if ((changes.at(-1)?.revision ?? 0) >= until) break
  }
  stop.abort()
  return changes
}

function changeOf({ type, kv }: EtcdEvent, tokens: Map<string, string>): Change {
  const path = Buffer.from(kv.key, 'base64').toString()
  const key = path.slice(path.lastIndexOf('/') + 1)
  const revision = Number(kv.mod_revision)
  if (type === 'DELETE') return { revision, key, type: 'DELETED', token: tokens.get(key) ?? '' }
  const object = JSON.parse(Buffer.from(kv.value ?? '', 'base64').toString()) as { data?: { token?: string } }
  const token = object.data?.token ?? ''
  tokens.set(key, token)
  return { revision, key, type: kv.create_revision === kv.mod_revision ? 'ADDED' : 'MODIFIED', token }
}
