/** What `JSON.parse` does not tell: field names given twice, and how deep the text nests. */
export interface JsonScan {
  /** Paths as Kubernetes writes them: `spec.disks[0].name`. */
  readonly duplicates: readonly string[]
  readonly depth: number
}

interface Level {
  /** Names seen so far; undefined in an array. */
  readonly names: Set<string> | undefined
  index: number
  name: string
}

const maxDuplicates = 100

const openObject = 0x7b
const openArray = 0x5b
const closeObject = 0x7d
const closeArray = 0x5d
const comma = 0x2c
const quote = 0x22

/** Scans JSON that `JSON.parse` has accepted or will check; never throws, never recurses. */
export function scanJson(text: string): JsonScan {
  const scanner = new Scanner(text)
  let at = 0
  while (at < text.length) at = scanner.step(at)
  return scanner
}

class Scanner implements JsonScan {
  readonly duplicates: string[] = []
  depth = 0
  readonly #text: string
  readonly #levels: Level[] = []
  #expectName = false

  constructor(text: string) {
    this.#text = text
  }

  /** Takes the character at `at` and returns where to go on. */
  step(at: number): number {
    switch (this.#text.charCodeAt(at)) {
      case openObject:
        this.#open(new Set())
        break
      case openArray:
        this.#open(undefined)
        break
      case closeObject:
      case closeArray:
        this.#levels.pop()
        this.#expectName = false
        break
      case comma:
        this.#next()
        break
      case quote:
        return this.#string(at) + 1
    }
    return at + 1
  }

  #open(names: Set<string> | undefined): void {
    this.#levels.push({ names, index: 0, name: '' })
    this.depth = Math.max(this.depth, this.#levels.length)
    this.#expectName = names !== undefined
  }

  #next(): void {
    const top = this.#levels.at(-1)
    if (top?.names) this.#expectName = true
    else if (top) top.index += 1
  }

  /** Returns the index of the closing quote. */
  #string(start: number): number {
    const end = endOfString(this.#text, start)
    const top = this.#levels.at(-1)
    if (!this.#expectName || !top?.names) return end
    this.#expectName = false
    top.name = unescape(this.#text, start, end)
    const { duplicates } = this
    if (top.names.has(top.name) && duplicates.length < maxDuplicates) duplicates.push(pathOf(this.#levels))
    top.names.add(top.name)
    return end
  }
}

function endOfString(text: string, start: number): number {
  let end = start
  for (;;) {
    end = text.indexOf('"', end + 1)
    if (end === -1) return text.length
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++
    if (backslashes % 2 === 0) return end
  }
}

function unescape(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end)
  if (!raw.includes('\\')) return raw
  try {
    return JSON.parse(text.slice(start, end + 1)) as string
  } catch {
    return raw
  }
}

function pathOf(levels: readonly Level[]): string {
  let path = ''
  for (const { names, index, name } of levels) {
    if (!names) path += `[${index}]`
    else path += path === '' ? name : `.${name}`
  }
  return path
}
