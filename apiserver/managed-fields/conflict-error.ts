import { goQuote } from '../../apimachinery/selectors/go-quote.ts'
import { StatusError, type StatusCause } from '../../apimachinery/status-error.ts'
import type { FieldSet } from './field-set.ts'
import type { ManagerEntry, Managers } from './managers.ts'
import { printPath } from './path-element.ts'

/** The 409 of an apply that would change what others own, with a cause per field, as kubectl prints them. */
export function conflictError(managers: Managers, conflicts: ReadonlyMap<string, FieldSet>): StatusError {
  const causes: StatusCause[] = []
  const messages: string[] = []
  let single = ''
  for (const [id, fields] of [...conflicts].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const owner = printOwner(managers.get(id))
    messages.push(`conflicts with ${owner}:`)
    for (const path of fields.paths()) {
      const field = printPath(path)
      causes.push({ reason: 'FieldManagerConflict', message: `conflict with ${owner}`, field })
      messages.push(`- ${field}`)
      single = `conflict with ${owner}: ${field}`
    }
  }
  const message =
    causes.length === 1
      ? `Apply failed with 1 conflict: ${single}`
      : `Apply failed with ${causes.length} conflicts: ${messages.join('\n')}`
  return new StatusError('Conflict', message, { details: { causes } })
}

function printOwner(entry: ManagerEntry | undefined): string {
  if (entry === undefined) return '""'
  const { manager, subresource, operation, apiVersion } = entry
  const name =
    subresource === '' ? goQuote(manager) : `${goQuote(manager)} with subresource ${goQuote(subresource)}`
  return operation === 'Update' ? `${name} using ${apiVersion}` : name
}
