import { compareElements, type PathElement } from './path-element.ts'

/** What a set knows of one element of a level. */
export interface FieldEntry {
  /** The path that ends here is in the set. */
  readonly member: boolean
  /** The paths that go on from here. */
  readonly children: FieldSet | undefined
}

/**
 * A set of field paths, as a trie. Immutable: every operation returns a set that shares what is equal with its
 * operands, and an operand itself when nothing changes.
 */
export class FieldSet {
  static readonly empty = new FieldSet(new Map())

  readonly entries: ReadonlyMap<PathElement, FieldEntry>

  constructor(entries: ReadonlyMap<PathElement, FieldEntry>) {
    this.entries = entries
  }

  /** The set of the given paths. */
  static of(...paths: readonly (readonly PathElement[])[]): FieldSet {
    const builder = new FieldSetBuilder()
    for (const path of paths) builder.insert(path)
    return builder.build()
  }

  get isEmpty(): boolean {
    return this.entries.size === 0
  }

  has(path: readonly PathElement[]): boolean {
    const [first, ...rest] = path
    const entry = first === undefined ? undefined : this.entries.get(first)
    if (entry === undefined) return false
    return rest.length === 0 ? entry.member : (entry.children?.has(rest) ?? false)
  }

  /** The paths that go on from `element`, without it. */
  below(element: PathElement): FieldSet {
    return this.entries.get(element)?.children ?? FieldSet.empty
  }

  isMember(element: PathElement): boolean {
    return this.entries.get(element)?.member === true
  }

  union(other: FieldSet): FieldSet {
    if (this === other || other.isEmpty) return this
    if (this.isEmpty) return other
    let result: Map<PathElement, FieldEntry> | undefined
    for (const [element, theirs] of other.entries) {
      const ours = this.entries.get(element)
      const joined = ours === undefined ? theirs : joinEntries(ours, theirs)
      if (joined === ours) continue
      result ??= new Map(this.entries)
      result.set(element, joined)
    }
    return result === undefined ? this : new FieldSet(result)
  }

  intersection(other: FieldSet): FieldSet {
    if (this === other || this.isEmpty) return this
    if (other.isEmpty) return other
    const result = new Map<PathElement, FieldEntry>()
    for (const [element, ours] of this.entries) {
      const theirs = other.entries.get(element)
      if (theirs === undefined) continue
      const member = ours.member && theirs.member
      const children =
        ours.children && theirs.children && nonEmpty(ours.children.intersection(theirs.children))
      if (member || children !== undefined) result.set(element, { member, children })
    }
    return result.size === 0 ? FieldSet.empty : new FieldSet(result)
  }

  /** Without the paths of `other`; what goes on below such a path stays. */
  difference(other: FieldSet): FieldSet {
    return this.#without(other, false)
  }

  /** Without the paths of `other` and everything below them. */
  recursiveDifference(other: FieldSet): FieldSet {
    return this.#without(other, true)
  }

  #without(other: FieldSet, recursive: boolean): FieldSet {
    if (this.isEmpty || other.isEmpty) return this
    let result: Map<PathElement, FieldEntry> | undefined
    for (const [element, theirs] of other.entries) {
      const ours = this.entries.get(element)
      if (ours === undefined) continue
      const left = withoutEntry(ours, theirs, recursive)
      if (left === ours) continue
      result ??= new Map(this.entries)
      if (left === undefined) result.delete(element)
      else result.set(element, left)
    }
    if (result === undefined) return this
    return result.size === 0 ? FieldSet.empty : new FieldSet(result)
  }

  equals(other: FieldSet): boolean {
    if (this === other) return true
    if (this.entries.size !== other.entries.size) return false
    for (const [element, { member, children }] of this.entries) {
      const theirs = other.entries.get(element)
      if (theirs === undefined || theirs.member !== member) return false
      if (!(children ?? FieldSet.empty).equals(theirs.children ?? FieldSet.empty)) return false
    }
    return true
  }

  /** The entries in the order in which FieldsV1 lists them. */
  sorted(): [PathElement, FieldEntry][] {
    return [...this.entries].sort(([a], [b]) => compareElements(a, b))
  }

  /** Every path of the set: those that end at a level first, then those that go on. */
  *paths(): Generator<PathElement[]> {
    const entries = this.sorted()
    for (const [element, { member }] of entries) if (member) yield [element]
    for (const [element, { children }] of entries) {
      if (children === undefined) continue
      for (const path of children.paths()) yield [element, ...path]
    }
  }
}

function joinEntries(a: FieldEntry, b: FieldEntry): FieldEntry {
  const member = a.member || b.member
  const children =
    a.children === undefined
      ? b.children
      : b.children === undefined
        ? a.children
        : a.children.union(b.children)
  return member === a.member && children === a.children ? a : { member, children }
}

function withoutEntry(ours: FieldEntry, theirs: FieldEntry, recursive: boolean): FieldEntry | undefined {
  if (recursive && theirs.member) return undefined
  const member = ours.member && !theirs.member
  const kept =
    ours.children === undefined || theirs.children === undefined
      ? ours.children
      : recursive
        ? ours.children.recursiveDifference(theirs.children)
        : ours.children.difference(theirs.children)
  const children = kept === undefined ? undefined : nonEmpty(kept)
  if (member === ours.member && children === ours.children) return ours
  return member || children !== undefined ? { member, children } : undefined
}

const nonEmpty = (set: FieldSet) => (set.isEmpty ? undefined : set)

/** Collects paths; `build` gives the set. */
export class FieldSetBuilder {
  readonly #entries = new Map<PathElement, { member: boolean; children: FieldSetBuilder | undefined }>()

  /** Adds a path; the empty path stands for the whole object and is not recorded. */
  insert(path: readonly PathElement[], depth = 0): void {
    const element = path[depth]
    if (element === undefined) return
    const entry = this.#entry(element)
    if (depth === path.length - 1) entry.member = true
    else (entry.children ??= new FieldSetBuilder()).insert(path, depth + 1)
  }

  /** Adds one element of this level. */
  add(element: PathElement): void {
    this.#entry(element).member = true
  }

  /** Collects what goes on from `element`; nothing is recorded until something is added there. */
  below(element: PathElement): FieldSetBuilder {
    return (this.#entry(element).children ??= new FieldSetBuilder())
  }

  #entry(element: PathElement) {
    let entry = this.#entries.get(element)
    if (entry === undefined) {
      entry = { member: false, children: undefined }
      this.#entries.set(element, entry)
    }
    return entry
  }

  build(): FieldSet {
    const entries = new Map<PathElement, FieldEntry>()
    for (const [element, { member, children }] of this.#entries) {
      const built = children?.build()
      const below = built === undefined || built.isEmpty ? undefined : built
      if (member || below !== undefined) entries.set(element, { member, children: below })
    }
    return entries.size === 0 ? FieldSet.empty : new FieldSet(entries)
  }
}
