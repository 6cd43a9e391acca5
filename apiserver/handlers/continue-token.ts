import { badRequest } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json } from '../../crds/meta/json.ts'

/** Where the next page of a list starts. */
export interface ContinueToken {
  /** Undefined: the rest of the list as it is now, after the consistent one has expired. */
  readonly revision: number | undefined
  /** The last key of the page before, relative to the list's key prefix. */
  readonly after: string
}

export function encodeContinue({ revision, after }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision ?? -1, start: after })).toString(
    'base64url',
  )
}

/** Throws BadRequest for anything this server has not made. */
export function decodeContinue(token: string): ContinueToken {
  let value: Json
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString()) as Json
  } catch {
    throw notValid('cannot be decoded')
  }
  if (!isJsonObject(value) || value['v'] !== 'meta.k8s.io/v1') throw notValid('has an unknown version')
  const { rv, start } = value
  if (typeof start !== 'string' || start === '' || start.includes('..'))
    throw notValid('has no valid start key')
  if (!Number.isSafeInteger(rv) || rv === 0) throw notValid('has no resource version')
  const revision = rv as number
  return { revision: revision < 0 ? undefined : revision, after: start }
}

function notValid(why: string) {
  return badRequest(`continue key is not valid: it ${why}`)
}
