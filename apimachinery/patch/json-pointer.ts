import { malformedPatch } from './patch-error.ts'

/**
 * Splits an RFC 6901 pointer into its reference tokens. Throws a BadRequest StatusError when it is malformed or names
 * `__proto__`, which must never become a key of ours.
 */
export function parsePointer(pointer: string): string[] {
  if (pointer === '') return []
  if (!pointer.startsWith('/')) throw malformedPatch(`pointer ${JSON.stringify(pointer)} must start with "/"`)
  return pointer
    .slice(1)
    .split('/')
    .map((token) => {
      const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
      if (key === '__proto__') throw malformedPatch('the key "__proto__" is not allowed')
      return key
    })
}
