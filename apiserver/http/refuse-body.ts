import { badRequest, type StatusError } from '../../apimachinery/status-error.ts'
import type { Json } from '../../crds/meta/json.ts'

/** Deeper than any sensible object; keeps recursive code from running out of stack. */
export const maxDepth = 512

export function tooDeep(): StatusError {
  return badRequest(`the body of the request nests deeper than ${maxDepth} levels`)
}

/** Throws BadRequest for a field that would change a prototype as soon as somebody assigns it. */
export function refuseProto(root: Json): void {
  const open: unknown[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue
    if (Object.hasOwn(value, '__proto__')) throw badRequest('the field name "__proto__" is not allowed')
    for (const inner of Object.values(value)) if (inner !== undefined) open.push(inner)
  }
}
