import { goQuote } from '../../apimachinery/selectors/go-quote.ts'
import type { Rule } from './rbac-rules.ts'

const nothing: Rule = { verbs: [], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] }

/** What of `wanted` is not held by whoever has the rules `held`, as rules of one verb on one thing each. */
export function missingRights(held: readonly Rule[], wanted: readonly Rule[]): Rule[] {
  return wanted.flatMap(breakdown).filter((atom) => !held.some((rule) => covers(rule, atom)))
}

/** The smallest rules that together mean the same: one verb on one resource (and name) or URL. */
function breakdown({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: Rule): Rule[] {
  const atoms: Rule[] = []
  for (const group of apiGroups) {
    for (const resource of resources) {
      for (const verb of verbs) {
        const atom = { ...nothing, apiGroups: [group], resources: [resource], verbs: [verb] }
        if (resourceNames.length === 0) atoms.push(atom)
        else for (const name of resourceNames) atoms.push({ ...atom, resourceNames: [name] })
      }
    }
  }
  for (const url of nonResourceURLs) {
    for (const verb of verbs) atoms.push({ ...nothing, nonResourceURLs: [url], verbs: [verb] })
  }
  return atoms
}

function covers(held: Rule, atom: Rule): boolean {
  return (
    hasAll(held.verbs, atom.verbs) &&
    hasAll(held.apiGroups, atom.apiGroups) &&
    atom.resources.every((resource) => coversResource(held.resources, resource)) &&
    atom.nonResourceURLs.every((url) => held.nonResourceURLs.some((one) => coversUrl(one, url))) &&
    coversNames(held.resourceNames, atom.resourceNames)
  )
}

function hasAll(held: readonly string[], wanted: readonly string[]): boolean {
  return held.includes('*') || wanted.every((one) => held.includes(one))
}

function coversResource(held: readonly string[], resource: string): boolean {
  if (held.includes('*') || held.includes(resource)) return true
  const slash = resource.indexOf('/')
  return slash > 0 && held.includes(`*${resource.slice(slash)}`)
}

function coversUrl(held: string, url: string): boolean {
  return held === url || (held.endsWith('*') && url.startsWith(held.slice(0, -1)))
}

/** A rule without names is for all of them. */
function coversNames(held: readonly string[], wanted: readonly string[]): boolean {
  return held.length === 0 || (wanted.length > 0 && wanted.every((name) => held.includes(name)))
}

/** The same rules with the verbs for one resource together, each as a line that Kubernetes would write; sorted. */
export function describeRules(rules: readonly Rule[]): string[] {
  const lines = new Set<string>()
  const verbsOf = new Map<string, { rule: Rule; verbs: string[] }>()
  for (const rule of rules) {
    if (rule.nonResourceURLs.length > 0) {
      lines.add(describe(rule))
      continue
    }
    const { verbs, ...target } = rule
    const key = JSON.stringify(target)
    const known = verbsOf.get(key)
    if (known) known.verbs.push(...verbs)
    else verbsOf.set(key, { rule, verbs: [...verbs] })
  }
  for (const { rule, verbs } of verbsOf.values()) lines.add(describe({ ...rule, verbs }))
  return [...lines].toSorted()
}

function describe({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: Rule): string {
  const parts = Object.entries({
    APIGroups: apiGroups,
    Resources: resources,
    NonResourceURLs: nonResourceURLs,
    ResourceNames: resourceNames,
    Verbs: verbs,
  })
  const shown = parts
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => `${name}:${quoteList(list)}`)
  return `{${shown.join(', ')}}`
}

/** A list of texts as Go's `%q` prints it. */
export function quoteList(list: readonly string[]): string {
  return `[${list.map(goQuote).join(' ')}]`
}
