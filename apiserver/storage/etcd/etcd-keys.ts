import type { StoredItem } from '../storage.ts'
import type { KeyValue } from './etcd-member.ts'

/** Every key that starts with `prefix`; an empty prefix means every key there is. */
export function prefixRange(prefix: string): { readonly key: Buffer; readonly end: Buffer } {
  if (prefix === '') return { key: Buffer.from([0]), end: Buffer.from([0]) }
  return { key: Buffer.from(prefix), end: prefixEnd(prefix) }
}

/** The first key after all that start with `prefix`. */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix)
  // UTF-8 never holds 0xff, so the last byte can always be counted up.
  const last = end.at(-1)
  if (last === undefined) return Buffer.from([0])
  end[end.length - 1] = last + 1
  return end
}

export function toStoredItem(kv: KeyValue): StoredItem {
  return { key: kv.key.toString(), value: kv.value, revision: kv.modRevision }
}
