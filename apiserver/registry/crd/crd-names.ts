import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import type { JsonObject } from '../../../crds/meta/json.ts'
import { objectAt, stringsAt, textAt, type KubeObject } from '../kube-object.ts'

/** Which of a CRD's names it gets, and what stands against the others. */
export interface NameDecision {
  /** For `status.acceptedNames`. */
  readonly accepted: JsonObject
  /** Undefined when all names were accepted. */
  readonly conflict: { readonly reason: string; readonly message: string } | undefined
}

const singleNames = [
  ['plural', 'PluralConflict', 'resources'],
  ['singular', 'SingularConflict', 'resources'],
  ['kind', 'KindConflict', 'kinds'],
  ['listKind', 'ListKindConflict', 'kinds'],
] as const

/** A name that the CRD has already stays its own; a new one has to be free in the group, of which `others` are. */
export function decideNames(crd: KubeObject, others: readonly KubeObject[]): NameDecision {
  const taken = namesOf(others)
  const wanted = objectAt(crd, 'spec', 'names')
  const before = objectAt(crd, 'status', 'acceptedNames')
  const accepted: JsonObject = { ...before }
  let conflict: NameDecision['conflict']
  const refuse = (reason: string, names: readonly string[]) => {
    const texts = names.map((name) => `${JSON.stringify(name)} is already in use`)
    conflict = { reason, message: texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]` }
  }
  for (const [field, reason, pool] of singleNames) {
    if (field === 'kind') acceptShortNames()
    const name = textAt(wanted, field)
    if (name !== textAt(before, field) && taken[pool].has(name)) refuse(reason, [name])
    else accepted[field] = name
  }
  copyList(accepted, wanted, 'categories')
  return { accepted, conflict }

  function acceptShortNames(): void {
    const own = new Set(stringsAt(before, 'shortNames'))
    const refused = stringsAt(wanted, 'shortNames').filter(
      (name) => !own.has(name) && taken.resources.has(name),
    )
    if (refused.length > 0) refuse('ShortNamesConflict', refused)
    else copyList(accepted, wanted, 'shortNames')
  }
}

/** True when the CRD has every name it wants. */
export function hasItsNames(crd: KubeObject): boolean {
  return jsonEqual(objectAt(crd, 'spec', 'names'), objectAt(crd, 'status', 'acceptedNames'))
}

function namesOf(others: readonly KubeObject[]): { resources: Set<string>; kinds: Set<string> } {
  const accepted = others.map((other) => objectAt(other, 'status', 'acceptedNames'))
  return {
    resources: new Set(
      accepted.flatMap((names) => [
        textAt(names, 'plural'),
        textAt(names, 'singular'),
        ...stringsAt(names, 'shortNames'),
      ]),
    ),
    kinds: new Set(accepted.flatMap((names) => [textAt(names, 'kind'), textAt(names, 'listKind')])),
  }
}

function copyList(into: JsonObject, from: JsonObject, field: 'shortNames' | 'categories'): void {
  const list = from[field]
  if (list === undefined) delete into[field]
  else into[field] = list
}
