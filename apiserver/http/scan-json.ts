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

/** Scans JSON that `JSON.parse` has accepted or will check; never throws, never recurses. */
export function scanJson(text: string): JsonScan {
  const levels: Level[] = []
  const duplicates: string[] = []
  let depth = 0
  let expectName = false
  for (let at = 0; at < text.length; at++) {
    const top = levels.at(-1)
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
      case 0x5b: {
        const isObject = text.charCodeAt(at) === 0x7b
        levels.push({ names: isObject ? new Set() : undefined, index: 0, name: '' })
        depth = Math.max(depth, levels.length)
        expectName = isObject
        break
      }
      case 0x7d: // }
      case 0x5d:
        levels.pop()
        expectName = false
        break
      case 0x2c: // ,
        if (top?.names) expectName = true
        else if (top) top.index++
        break
      case 0x22: {
        const end = endOfString(text, at)
        if (expectName && top?.names) {
          top.name = unescape(text, at, end)
          if (top.names.has(top.name) && duplicates.length < maxDuplicates) duplicates.push(pathOf(levels))
          top.names.add(top.name)
          expectName = false
        }
        at = end
        break
      }
    }
  }
  return { duplicates, depth }
}

/** Index of the closing quote of the string that opens at `start`. */
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
