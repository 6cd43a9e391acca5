/*
 * Mutations are written as messages: `Object{spec: Object.spec{replicas: 1}}`, `JSONPatch{op: "remove", path: "/a"}`.
 * The compiler knows maps instead, so that messages are rewritten into maps before they are compiled.
 */

export interface StructFree {
  /** The same expression with maps in the place of messages; positions differ. */
  readonly source: string
  /** Names of the messages that were in it. */
  readonly types: ReadonlySet<string>
}

interface Scope {
  /** The name of the message, undefined for maps, lists and parentheses. */
  readonly type: string | undefined
  /** The field whose value is being read. */
  field: string | undefined
  /** A field is expected next. */
  atField: boolean
}

const word = /[A-Za-z_][A-Za-z0-9_]*/y
const message = /(?:Object(?:\s*\.\s*[A-Za-z_][A-Za-z0-9_]*)*|JSONPatch)(?=\s*\{)/y
const field = /\s*\??\s*(?:([A-Za-z_][A-Za-z0-9_]*)|`([^`]+)`)\s*:/y
const text =
  /[rR]?[bB]?(?:"""(?:[^\\]|\\[^])*?"""|'''(?:[^\\]|\\[^])*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')/y
const rawText = /(?:[rR][bB]?|[bB][rR])(?:"""[^]*?"""|'''[^]*?'''|"[^"\n]*"|'[^'\n]*')/y
const comment = /\/\/[^\n]*/y

/** Rewrites an expression. Returns what is wrong with its messages as `error`. */
export function withoutStructs(expression: string): StructFree | { error: string } {
  const rewriter = new Rewriter(expression)
  try {
    return rewriter.run()
  } catch (error) {
    if (error instanceof MisplacedMessage) return { error: error.message }
    throw error
  }
}

class MisplacedMessage extends Error {}

class Rewriter {
  readonly #input: string
  readonly #types = new Set<string>()
  readonly #scopes: Scope[] = []
  #output = ''
  #position = 0

  constructor(input: string) {
    this.#input = input
  }

  run(): StructFree {
    while (this.#position < this.#input.length) this.#step()
    return { source: this.#output, types: this.#types }
  }

  #step(): void {
    if (this.#scopes.at(-1)?.atField && this.#takeField()) return
    if (this.#copy(comment) || this.#copy(rawText) || this.#copy(text)) return
    if (this.#takeMessage() || this.#copy(word)) return
    this.#takeCharacter()
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#position
    const found = pattern.exec(this.#input)
    if (found) this.#position = pattern.lastIndex
    return found
  }

  #copy(pattern: RegExp): boolean {
    const found = this.#match(pattern)
    if (found) this.#output += found[0]
    return found !== null
  }

  #takeField(): boolean {
    const scope = this.#scopes.at(-1)
    const found = this.#match(field)
    if (!scope || !found) return false
    const name = found[2] ?? unescapeField(found[1] ?? '')
    scope.field = found[2] ?? found[1]
    scope.atField = false
    this.#output += `${JSON.stringify(name)}:`
    return true
  }

  #takeMessage(): boolean {
    const before = this.#input[this.#position - 1]
    // A field or method of that name is no message.
    if (before === '.') return false
    const found = this.#match(message)
    if (!found) return false
    const type = found[0].replaceAll(/\s/g, '')
    this.#checkPlace(type)
    this.#types.add(type)
    while (this.#input[this.#position] !== '{') this.#position++
    this.#open({ type, field: undefined, atField: true })
    return true
  }

  /** A message has to be of the type of the field that it stands in. */
  #checkPlace(type: string): void {
    const owner = this.#scopes.findLast((scope) => scope.type !== undefined)
    if (owner?.type === undefined || owner.field === undefined || owner.type === 'JSONPatch') return
    const expected = `${owner.type}.${owner.field}`
    if (type === expected) return
    throw new MisplacedMessage(
      `unexpected type name "${type}", expected "${expected}", which matches field name path from root Object type`,
    )
  }

  #takeCharacter(): void {
    const character = this.#input[this.#position] ?? ''
    if ('{[('.includes(character)) return this.#open({ type: undefined, field: undefined, atField: false })
    if ('}])'.includes(character)) this.#scopes.pop()
    const scope = this.#scopes.at(-1)
    if (character === ',' && scope?.type !== undefined) scope.atField = true
    this.#output += character
    this.#position += 1
  }

  #open(scope: Scope): void {
    this.#scopes.push(scope)
    this.#output += this.#input[this.#position] ?? ''
    this.#position += 1
  }
}

const escapes: Readonly<Record<string, string>> = { underscores: '__', dot: '.', dash: '-', slash: '/' }

/** `a__dash__b` is the field `a-b`, and `__namespace__` the field `namespace`. */
function unescapeField(name: string): string {
  const reserved = /^__([a-z]+)__$/.exec(name)?.[1]
  if (reserved !== undefined && !(reserved in escapes)) return reserved
  return name.replaceAll(/__(underscores|dot|dash|slash)__/g, (_, escape: string) => escapes[escape] ?? '')
}
