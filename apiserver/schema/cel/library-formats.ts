import type { Environment } from '@marcbachmann/cel-js'
import { Optional } from '@marcbachmann/cel-js'
import {
  dnsSubdomainErrors,
  labelKeyErrors,
  labelValueErrors,
} from '../../../apimachinery/selectors/label-syntax.ts'
import { stringFormats } from '../formats.ts'

/** A named format: returns what is wrong with a text. */
class NamedFormat {
  readonly name: string
  readonly complaints: (text: string) => string[]

  constructor(name: string, complaints: (text: string) => string[]) {
    this.name = name
    this.complaints = complaints
  }
}

const prefix = (complaints: (text: string) => string[]) => (text: string) =>
  complaints(text.endsWith('-') ? `${text.slice(0, -1)}a` : text)

function dnsLabel(first: string, rfc: string): (text: string) => string[] {
  const pattern = new RegExp(`^${first}([-a-z0-9]*[a-z0-9])?$`)
  return (text) => [
    ...(text.length > 63 ? ['must be no more than 63 bytes'] : []),
    ...(pattern.test(text)
      ? []
      : [
          `a${rfc === '1123' ? ' lowercase' : ''} RFC ${rfc} label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character`,
        ]),
  ]
}

function byStringFormat(name: string): (text: string) => string[] {
  const check = stringFormats.get(name)
  return (text) => (check?.(text) === true ? [] : [`must be a valid ${name}`])
}

const dns1123Label = dnsLabel('[a-z0-9]', '1123')
const dns1035Label = dnsLabel('[a-z]', '1035')

const complaints: Record<string, (text: string) => string[]> = {
  dns1123Label,
  dns1123LabelPrefix: prefix(dns1123Label),
  dns1123Subdomain: dnsSubdomainErrors,
  dns1123SubdomainPrefix: prefix(dnsSubdomainErrors),
  dns1035Label,
  dns1035LabelPrefix: prefix(dns1035Label),
  qualifiedName: labelKeyErrors,
  labelValue: labelValueErrors,
  uri: byStringFormat('uri'),
  uuid: byStringFormat('uuid'),
  byte: byStringFormat('byte'),
  date: byStringFormat('date'),
  datetime: byStringFormat('datetime'),
}

/** `format.dns1123Label().validate(text)`: nothing when the text is fine, otherwise what is wrong with it. */
export function registerFormats(environment: Environment): void {
  class FormatNamespace {}
  const name = 'kubernetes.NamedFormat'
  environment
    .registerType(name, NamedFormat)
    .registerType('FormatNamespace', FormatNamespace)
    .registerConstant({ name: 'format', type: 'FormatNamespace', value: new FormatNamespace() })
    .registerOperator(`${name} == ${name}`, (a: NamedFormat, b: NamedFormat) => a.name === b.name)
    .registerFunction(
      `${name}.validate(string): optional<list<string>>`,
      (format: NamedFormat, text: string) => {
        const found = format.complaints(text)
        return found.length === 0 ? Optional.none() : Optional.of(found)
      },
    )
  const formats = new Map(
    Object.entries(complaints).map(([key, check]) => [key, new NamedFormat(key, check)]),
  )
  for (const [key, format] of formats)
    environment.registerFunction(`FormatNamespace.${key}(): ${name}`, () => format)
  environment.registerFunction(
    `FormatNamespace.named(string): optional<${name}>`,
    (_: unknown, key: string) => Optional.of(formats.get(key)),
  )
}
