import { compileJsonPath, type JsonPath, JsonPathError } from '../../apimachinery/json-path.ts'
import type { Json } from '../../crds/meta/json.ts'
import { formatJson } from './json.ts'

/** Renders a template such as `{range .items[*]}{.metadata.name}{"\n"}{end}` for one value. */
export type Template = (root: Json) => string

/** Appends to the text what a part of the template makes of the value in whose range it stands. */
type Part = (at: Json, root: Json) => string

/** Compiles kubectl's JSONPath templates. Throws a JsonPathError that says what is wrong. */
export function compileTemplate(source: string): Template {
  const reader = new Reader(source)
  const parts = readParts(reader, false)
  return (root) => parts.map((part) => part(root, root)).join('')
}

/** A path as `--sort-by`, `custom-columns` and `wait` take it: with or without braces and a leading dot. */
export function compileRelaxedPath(source: string): JsonPath {
  const [, braced] = /^\{(.*)\}$/s.exec(source.trim()) ?? []
  const path = (braced ?? source).trim()
  if (path === '' || /[{}]/.test(path)) {
    throw new JsonPathError(
      `unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'`,
    )
  }
  return compileJsonPath(/^[.[$@]/.test(path) ? path : `.${path}`)
}

class Reader {
  readonly source: string
  position = 0

  constructor(source: string) {
    this.source = source
  }

  /** What stands up to the next brace; then the content of that brace, or undefined at the end. */
  next(): { text: string; action: string | undefined } {
    const open = this.source.indexOf('{', this.position)
    const text = this.source.slice(this.position, open === -1 ? undefined : open)
    if (open === -1) {
      this.position = this.source.length
      return { text, action: undefined }
    }
    const found = /\{((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^"'}])*)\}/y
    found.lastIndex = open
    const action = found.exec(this.source)
    if (action === null) throw new JsonPathError('unclosed action')
    this.position = found.lastIndex
    return { text, action: action[1]?.trim() ?? '' }
  }
}

function readParts(reader: Reader, inRange: boolean): Part[] {
  const parts: Part[] = []
  for (;;) {
    const { text, action } = reader.next()
    if (text !== '') parts.push(() => text)
    if (action === undefined) {
      if (inRange) throw new JsonPathError('unterminated range: {end} is missing')
      return parts
    }
    if (action === 'end') {
      if (!inRange) throw new JsonPathError('not in range, nothing to end')
      return parts
    }
    parts.push(partOf(action, reader))
  }
}

function partOf(action: string, reader: Reader): Part {
  const [, quote, quoted = ''] = /^(["'])(.*)\1$/s.exec(action) ?? []
  if (quote !== undefined) {
    const text = unescaped(quoted)
    return () => text
  }
  const [, over] = /^range\s+(.*)$/s.exec(action) ?? []
  if (over === undefined) {
    const find = pathPart(action)
    return (at, root) => find(at, root).map(valueText).join(' ')
  }
  const find = pathPart(over)
  const parts = readParts(reader, true)
  return (at, root) =>
    find(at, root)
      .flatMap((item) => parts.map((part) => part(item, root)))
      .join('')
}

/** `$` is the whole even inside a range. */
function pathPart(text: string): (at: Json, root: Json) => Json[] {
  const path = compileJsonPath(/^[.[$@]/.test(text) ? text : `.${text}`)
  return text.startsWith('$') ? (_at, root) => path(root) : (at) => path(at)
}

function valueText(value: Json): string {
  return typeof value === 'object' && value !== null ? formatJson(value, 0) : String(value)
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, char: string) => escapes[char] ?? char)
}
