import type { Item, ObjectStore } from './object-store.ts'

export const foregroundFinalizer = 'foregroundDeletion'
export const orphanFinalizer = 'orphan'

export interface Located {
  readonly resource: string
  readonly key: string
  readonly item: Item
}

/** Every object that names `uid` as an owner. */
export function dependentsOf(store: ObjectStore, uid: string): Located[] {
  return [...store.everything()].filter(({ item }) =>
    item.metadata.ownerReferences?.some((one) => one.uid === uid),
  )
}

/** Whether any owner that the object names, other than `except`, is still there. */
export function hasOtherOwner(store: ObjectStore, item: Item, except: string): boolean {
  const alive = new Set([...store.everything()].map((one) => one.item.metadata.uid))
  return (item.metadata.ownerReferences ?? []).some(({ uid }) => uid !== except && alive.has(uid))
}

export function withoutOwner(item: Item, uid: string): Item {
  const ownerReferences = (item.metadata.ownerReferences ?? []).filter((one) => one.uid !== uid)
  const { ownerReferences: _before, ...metadata } = item.metadata
  return { ...item, metadata: ownerReferences.length > 0 ? { ...metadata, ownerReferences } : metadata }
}
