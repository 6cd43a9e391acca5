import type { ApiDescription } from './api-description.ts'
import { eventDescriptions } from './descriptions.ts'
import { documentation, isOptional, typeText } from './emit-types.ts'
import { camelCase, structOf } from './protocol-model.ts'
import type { ProtocolModel } from './protocol-model.ts'
import type { XdrField, XdrFile } from './xdr-language.ts'

/** Prints the page of all procedures, by the object that they are about. */
export function emitProcedurePage(model: ProtocolModel, api: ApiDescription): string {
  const groups = new Map<string, string[]>()
  for (const procedure of model.procedures) {
    const group = /^(qemu)?[a-z]+/.exec(procedure.name)?.[0] ?? ''
    const { args, ret } = procedure
    const signature = [
      `(${args === undefined ? '' : members(model.xdr, structOf(model.xdr, args), true)})`,
      ret === undefined ? 'void' : members(model.xdr, structOf(model.xdr, ret), false),
    ].join(' → ')
    const text = documentation(procedure, api)
      .filter((line) => line !== '')
      .map((line) => line.replaceAll(/\{@link (\w+)\}/g, '`$1`'))
    const entry = [`### ${procedure.name}`, '', `\`${signature}\``, '', text.join('\n'), '']
    groups.set(group, [...(groups.get(group) ?? []), ...entry])
  }
  const sections = [...groups].toSorted(([a], [b]) => a.localeCompare(b))
  return [
    '# Procedures',
    '',
    'Written by `scripts/generate.ts`. A `?` marks what may be left out.',
    '',
    ...sections.flatMap(([group, entries]) => [`## ${group}`, '', ...entries]),
  ].join('\n')
}

/** Prints the page of all events. */
export function emitEventPage(model: ProtocolModel): string {
  const entries = model.events.flatMap(({ type, fields }) => [
    `## ${type}`,
    '',
    ...(eventDescriptions[type] === undefined ? [] : [eventDescriptions[type], '']),
    `\`${members(model.xdr, fields, false)}\``,
    '',
  ])
  return [
    '# Events',
    '',
    'Written by `scripts/generate.ts`. `type` is the name of the event.',
    '',
    ...entries,
  ].join('\n')
}

function members(xdr: XdrFile, fields: readonly XdrField[], isArgs: boolean): string {
  const parts = fields.map((field) => {
    const mark = isArgs && isOptional(xdr, field) ? '?' : ''
    return `${camelCase(field.name)}${mark}: ${typeText(xdr, field.type, field.name).replaceAll('readonly ', '')}`
  })
  return `{ ${parts.join(', ')} }`
}
