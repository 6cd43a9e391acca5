import { FieldSet } from './field-set.ts'
import type { Comparison } from './compare.ts'
import { fieldElement } from './path-element.ts'
import { managerId, type ManagerEntry, type Managers } from './managers.ts'

const meta = (name: string) => [fieldElement('metadata'), fieldElement(name)]

/** What nobody owns: it identifies the object or is written by the server. */
const unowned = FieldSet.of(
  [fieldElement('apiVersion')],
  [fieldElement('kind')],
  [fieldElement('metadata')],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map(meta),
)

/** A set without what nobody owns. */
export function ownable(fields: FieldSet): FieldSet {
  return fields.difference(unowned)
}

/** Top-level fields that a write through an endpoint leaves alone, as a set that covers everything below them. */
export function resetSet(names: readonly string[]): FieldSet {
  return FieldSet.of(...names.map((name) => [fieldElement(name)]))
}

/** A comparison without the fields that the endpoint resets. */
export function withoutReset({ added, modified, removed }: Comparison, reset: FieldSet): Comparison {
  return {
    added: added.recursiveDifference(reset),
    modified: modified.recursiveDifference(reset),
    removed: removed.recursiveDifference(reset),
  }
}

/** What others own of what a write changes, by manager. */
export function conflictsOf(
  managers: Managers,
  writer: string,
  { added, modified }: Comparison,
): Map<string, FieldSet> {
  const conflicts = new Map<string, FieldSet>()
  const changed = modified.union(added)
  if (changed.isEmpty) return conflicts
  for (const [id, { fields }] of managers) {
    if (id === writer) continue
    const conflict = fields.intersection(changed)
    if (!conflict.isEmpty) conflicts.set(id, conflict)
  }
  return conflicts
}

/** Takes what a write changed or removed from everybody but the writer. */
export function releaseChanged(
  managers: Managers,
  writer: string,
  { added, modified, removed }: Comparison,
): void {
  const changed = modified.union(added)
  for (const [id, entry] of managers) {
    if (id === writer) continue
    setFields(managers, entry, entry.fields.difference(changed).difference(removed))
  }
}

/** Gives an entry its fields; an entry that owns nothing goes. */
export function setFields(managers: Managers, entry: ManagerEntry, fields: FieldSet): void {
  const id = managerId(entry)
  if (fields.isEmpty) managers.delete(id)
  else if (fields !== entry.fields || !managers.has(id)) managers.set(id, { ...entry, fields })
}
