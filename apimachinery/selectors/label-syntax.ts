/**
 * What may be a label key, label value or DNS name, worded as Kubernetes words it. Every function returns the list
 * of complaints; an empty list means valid.
 */
const qualifiedNameFormat = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const qualifiedNamePattern = new RegExp(`^${qualifiedNameFormat}$`)
const labelValuePattern = new RegExp(`^(${qualifiedNameFormat})?$`)
const dnsLabelFormat = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const dnsSubdomainFormat = `${dnsLabelFormat}(\\.${dnsLabelFormat})*`
const dnsSubdomainPattern = new RegExp(`^${dnsSubdomainFormat}$`)

const qualifiedNameRule =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const qualifiedNameHint = regexHint(qualifiedNameRule, qualifiedNameFormat, ['MyName', 'my.name', '123-abc'])

/** Complaints about a label or annotation key: an optional DNS subdomain, a slash, and up to 63 characters. */
export function labelKeyErrors(key: string): string[] {
  const parts = key.split('/')
  if (parts.length > 2) {
    return [
      `a valid label key ${qualifiedNameHint} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  const errors: string[] = []
  const name = parts.at(-1) ?? ''
  if (parts.length === 2) errors.push(...prefixErrors(parts[0] ?? ''))
  if (name === '') errors.push('name part must be non-empty')
  else if (Buffer.byteLength(name) > 63) errors.push('name part must be no more than 63 bytes')
  if (!qualifiedNamePattern.test(name)) errors.push(`name part ${qualifiedNameHint}`)
  return errors
}

function prefixErrors(prefix: string): string[] {
  if (prefix === '') return ['prefix part must be non-empty']
  return dnsSubdomainErrors(prefix).map((error) => `prefix part ${error}`)
}

/** Complaints about a label value: empty, or up to 63 characters. */
export function labelValueErrors(value: string): string[] {
  const errors: string[] = []
  if (Buffer.byteLength(value) > 63) errors.push('must be no more than 63 bytes')
  if (!labelValuePattern.test(value)) {
    const rule = `a valid label must be an empty string or consist of ${qualifiedNameRule.slice('must consist of '.length)}`
    errors.push(regexHint(rule, `(${qualifiedNameFormat})?`, ['MyValue', 'my_value', '12345']))
  }
  return errors
}

/** Complaints about a lowercase DNS subdomain (RFC 1123) of up to 253 characters. */
export function dnsSubdomainErrors(name: string): string[] {
  const errors: string[] = []
  if (Buffer.byteLength(name) > 253) errors.push('must be no more than 253 bytes')
  if (!dnsSubdomainPattern.test(name)) {
    const rule =
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
    errors.push(regexHint(rule, dnsSubdomainFormat, ['example.com']))
  }
  return errors
}

function regexHint(rule: string, format: string, examples: string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ')
  return `${rule} (e.g. ${shown}regex used for validation is '${format}')`
}
