import { badRequest } from '../status-error.ts'

/** One condition on one field; `==` is read as `=`. */
export interface FieldRequirement {
  readonly path: string
  readonly op: '=' | '!='
  readonly value: string
}

/** The conjunction of its requirements. Which paths a kind supports is for its handler to check. */
export class FieldSelector {
  readonly requirements: readonly FieldRequirement[]

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements
  }

  /** True when nothing is required, so that everything matches. */
  get empty(): boolean {
    return this.requirements.length === 0
  }

  /** `get` reads a field of the object as text; a field that is not there counts as the empty string. */
  matches(get: (path: string) => string | undefined): boolean {
    for (const { path, op, value } of this.requirements) {
      if (((get(path) ?? '') === value) !== (op === '=')) return false
    }
    return true
  }

  /** The value that `path` must have, when the selector pins it: `metadata.name=x` selects a single object. */
  exact(path: string): string | undefined {
    return this.requirements.find((requirement) => requirement.path === path && requirement.op === '=')?.value
  }

  /** The canonical text, which parses back to an equal selector. */
  toString(): string {
    return this.requirements.map(({ path, op, value }) => `${path}${op}${escapeValue(value)}`).join(',')
  }
}

/**
 * Parses the text of a `fieldSelector` query parameter: `metadata.name=a,status.phase!=Failed`, where `\` escapes
 * `,`, `=` and itself in values. Throws a BadRequest StatusError with Kubernetes' wording.
 */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = []
  for (const term of splitTerms(text).toSorted()) {
    if (term === '') continue
    const found = /!=|==|=/.exec(term)
    if (found === null) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`)
    const path = term.slice(0, found.index)
    const value = unescapeValue(term.slice(found.index + found[0].length))
    // An empty term such as `=` selects everything, as in Kubernetes.
    if (path === '' && value === '') continue
    requirements.push({ path, op: found[0] === '!=' ? '!=' : '=', value })
  }
  return new FieldSelector(requirements)
}

function splitTerms(text: string): string[] {
  const terms: string[] = []
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i += 1
    else if (text[i] === ',') {
      terms.push(text.slice(start, i))
      start = i + 1
    }
  }
  terms.push(text.slice(start))
  return terms
}

function escapeValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&')
}

function unescapeValue(text: string): string {
  if (!/[\\,=]/.test(text)) return text
  let value = ''
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === '\\') {
      i += 1
      const escaped = text.charAt(i)
      if (!/^[\\,=]$/.test(escaped)) {
        throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped}`)
      }
      value += escaped
    } else if (char === ',' || char === '=') {
      throw badRequest(`invalid field selector: unescaped character in value: ${char.codePointAt(0)}`)
    } else value += char
  }
  return value
}
