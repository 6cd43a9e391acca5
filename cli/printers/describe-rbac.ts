import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { text } from '../object-metadata.ts'
import { byCodePoint } from './json.ts'

/** What a role allows, one line for each resource or path. */
export function describeRules(object: JsonObject): string[] {
  return [
    'PolicyRule:\n',
    '  Resources\tNon-Resource URLs\tResource Names\tVerbs\n',
    '  ---------\t-----------------\t--------------\t-----\n',
    ...ruleRows(object['rules']).map((row) => `  ${row.join('\t')}\n`),
  ]
}

/** `resource.group`, paths, names and verbs of each rule, as kubectl breaks them down, compacts and sorts them. */
export function ruleRows(rules: Json | undefined): string[][] {
  const compact = new Map<string, Rule>()
  for (const rule of (Array.isArray(rules) ? rules.filter(isJsonObject) : []).flatMap(breakDown)) {
    // As with kubectl, rules about paths stay apart.
    const key = rule.path === undefined ? textOf({ ...rule, verbs: [] }) : `${compact.size}`
    const known = compact.get(key)
    const verbs = known === undefined ? rule.verbs : [...new Set([...known.verbs, ...rule.verbs])]
    compact.set(key, { ...rule, verbs })
  }
  return [...compact.values()]
    .toSorted((a, b) => byCodePoint(textOf(a), textOf(b)))
    .map((rule) => [resourceOf(rule), list(rule.path), list(rule.name), `[${rule.verbs.join(' ')}]`])
}

/** A rule about one resource or one path. */
interface Rule {
  readonly verbs: readonly string[]
  readonly group?: string
  readonly resource?: string
  readonly name?: string | undefined
  readonly path?: string
}

/** A rule for each verb of each resource, name or path. */
function breakDown(rule: JsonObject): Rule[] {
  const names = words(rule['resourceNames'])
  const paths = words(rule['nonResourceURLs']).map((path) => ({ path }))
  const resources = words(rule['apiGroups']).flatMap((group) =>
    words(rule['resources']).flatMap((resource) =>
      (names.length === 0 ? [undefined] : names).map((name) => ({ group, resource, name })),
    ),
  )
  const verbs = words(rule['verbs'])
  return [...resources, ...paths].flatMap((one) => verbs.map((verb) => ({ ...one, verbs: [verb] })))
}

/** What kubectl sorts by. */
function textOf({ verbs, group, resource, name, path }: Rule): string {
  return `Verbs:[${verbs.join(' ')}],APIGroups:${list(group)},Resources:${list(resource)},ResourceNames:${list(name)},NonResourceURLs:${list(path)}`
}

/** `hosts.kvorum.dev/status` */
function resourceOf({ group = '', resource }: Rule): string {
  if (resource === undefined) return ''
  const [name = '', subresource] = resource.split('/')
  return name + (group === '' ? '' : `.${group}`) + (subresource === undefined ? '' : `/${subresource}`)
}

const list = (item: string | undefined) => `[${item ?? ''}]`

function words(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}

/** Which role a binding gives to whom. */
export function describeBinding(object: JsonObject): string[] {
  const role = isJsonObject(object['roleRef']) ? object['roleRef'] : {}
  const subjects = Array.isArray(object['subjects']) ? object['subjects'].filter(isJsonObject) : []
  return [
    `Role:\n  Kind:\t${text(role['kind'])}\n  Name:\t${text(role['name'])}\n`,
    'Subjects:\n  Kind\tName\tNamespace\n  ----\t----\t---------\n',
    ...subjects.map(({ kind, name, namespace }) => `  ${text(kind)}\t${text(name)}\t${text(namespace)}\n`),
  ]
}
