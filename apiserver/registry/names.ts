/**
 * Kubernetes' rules for names, with its wording: clients and their users search for these texts. Each function
 * returns what is wrong, nothing when all is well.
 */
export type NameRule = (name: string) => string[]

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain = `${label}(\\.${label})*`
const qualifiedPart = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const labelValue = `(${qualifiedPart})?`

const labelPattern = new RegExp(`^${label}$`)
const subdomainPattern = new RegExp(`^${subdomain.replaceAll('(\\.', '(?:\\.')}$`)
const label1035Pattern = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const qualifiedPattern = new RegExp(`^${qualifiedPart}$`)
const labelValuePattern = new RegExp(`^${labelValue}$`)

const tooMany = (max: number) => `must be no more than ${max} bytes`

export const dnsLabel: NameRule = (name) => [
  ...(name.length > 63 ? [tooMany(63)] : []),
  ...(labelPattern.test(name)
    ? []
    : [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and " +
          `end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${label}')`,
      ]),
]

export const dnsSubdomain: NameRule = (name) => {
  if (name.length > 253) return [tooMany(253)]
  if (subdomainPattern.test(name)) return []
  return [
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start " +
      "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
      `'${subdomain}')`,
  ]
}

export const dnsLabel1035: NameRule = (name) => [
  ...(name.length > 63 ? [tooMany(63)] : []),
  ...(label1035Pattern.test(name)
    ? []
    : [
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic " +
          "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for " +
          "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ]),
]

/** What may stand in a URL path: the rule of the RBAC kinds. */
export const pathSegment: NameRule = (name) => {
  if (name === '.' || name === '..') return [`may not be '${name}'`]
  return ['/', '%'].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`)
}

/** A label or annotation key: `[prefix/]name`. */
export const qualifiedName: NameRule = (name) => {
  const parts = name.split('/')
  const problems: string[] = []
  if (parts.length > 2) {
    return [
      `a qualified name ${qualifiedNameText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  if (parts.length === 2) {
    if (parts[0] === '') problems.push('prefix part must be non-empty')
    else problems.push(...dnsSubdomain(parts[0] ?? '').map((problem) => `prefix part ${problem}`))
  }
  const last = parts.at(-1) ?? ''
  if (last === '') problems.push('name part must be non-empty')
  else if (last.length > 63) problems.push(`name part ${tooMany(63)}`)
  if (!qualifiedPattern.test(last)) problems.push(`name part ${qualifiedNameText}`)
  return problems
}

const qualifiedNameText =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
  `(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${qualifiedPart}')`

export const labelValueRule: NameRule = (value) => {
  const problems = value.length > 63 ? [tooMany(63)] : []
  if (!labelValuePattern.test(value)) {
    problems.push(
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start " +
        "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for " +
        `validation is '${labelValue}')`,
    )
  }
  return problems
}
