import { RE2JS } from 're2js'

/** A compiled pattern; `test` searches anywhere in the text, in time linear in its length. */
export interface Pattern {
  test(text: string): boolean
}

/**
 * Compiles a regular expression in Go's syntax (RE2). Returns the complaint as a string when it is not valid, worded
 * as Go words it.
 */
export function compilePattern(source: string): Pattern | string {
  try {
    return RE2JS.compile(source)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
