import { objectAt, stringsAt, textAt, type KubeObject } from '../kube-object.ts'

/** Why a CRD's names cannot be accepted beside the `others` of its group; undefined when they can. */
export function nameConflict(
  crd: KubeObject,
  others: readonly KubeObject[],
): { reason: string; message: string } | undefined {
  const taken = others.filter((other) => isOlder(other, crd)).map((other) => objectAt(other, 'spec', 'names'))
  const words = new Set(
    taken.flatMap((names) => [
      textAt(names, 'plural'),
      textAt(names, 'singular'),
      ...stringsAt(names, 'shortNames'),
    ]),
  )
  const kinds = new Set(taken.flatMap((names) => [textAt(names, 'kind'), textAt(names, 'listKind')]))
  const names = objectAt(crd, 'spec', 'names')
  for (const [field, reason] of [
    ['plural', 'PluralConflict'],
    ['singular', 'SingularConflict'],
  ] as const) {
    const name = textAt(names, field)
    if (words.has(name)) return { reason, message: `${JSON.stringify(name)} is already in use` }
  }
  for (const name of stringsAt(names, 'shortNames')) {
    if (words.has(name))
      return { reason: 'ShortNamesConflict', message: `${JSON.stringify(name)} is already in use` }
  }
  for (const [field, reason] of [
    ['kind', 'KindConflict'],
    ['listKind', 'ListKindConflict'],
  ] as const) {
    const name = textAt(names, field)
    if (kinds.has(name)) return { reason, message: `${JSON.stringify(name)} is already in use` }
  }
  return undefined
}

function isOlder(other: KubeObject, crd: KubeObject): boolean {
  const [a = '', b = ''] = [other.metadata.creationTimestamp, crd.metadata.creationTimestamp]
  return a === b ? (other.metadata.name ?? '') < (crd.metadata.name ?? '') : a < b
}
