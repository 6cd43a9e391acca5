import type { UserInfo } from '../http/exchange.ts'
import type { RequestInfo } from '../http/request-info.ts'
import { objectAt, objectsAt, stringsAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import { accountOf } from '../service-accounts/names.ts'

/** A request as far as flow schemas look at it. */
export interface FlowRequest {
  readonly user: UserInfo
  readonly info: RequestInfo
}

/** A flow schema ready for use. */
export interface FlowMatcher {
  readonly name: string
  readonly uid: string
  readonly level: string
  readonly precedence: number
  matches(request: FlowRequest): boolean
  /** Tells the flows of one schema apart. */
  distinguish(request: FlowRequest): string
}

type Test = (request: FlowRequest) => boolean

export function matcherOf(schema: KubeObject): FlowMatcher {
  const spec = objectAt(schema, 'spec')
  const rules = objectsAt(spec, 'rules').map(ruleTest)
  const by = textAt(spec, 'distinguisherMethod', 'type')
  return {
    name: schema.metadata.name ?? '',
    uid: schema.metadata.uid ?? '',
    level: textAt(spec, 'priorityLevelConfiguration', 'name'),
    precedence: Number(spec['matchingPrecedence'] ?? 0),
    matches: (request) => rules.some((rule) => rule(request)),
    distinguish: ({ user, info }) =>
      by === 'ByUser' ? user.name : by === 'ByNamespace' ? info.namespace : '',
  }
}

/** The order in which schemas are tried. */
export function byPrecedence(a: FlowMatcher, b: FlowMatcher): number {
  return a.precedence - b.precedence || (a.name < b.name ? -1 : 1)
}

function ruleTest(rule: ReturnType<typeof objectAt>): Test {
  const subjects = objectsAt(rule, 'subjects').map(subjectTest)
  const resources = objectsAt(rule, 'resourceRules').map(resourceTest)
  const paths = objectsAt(rule, 'nonResourceRules').map(pathTest)
  return (request) =>
    subjects.some((test) => test(request)) &&
    (request.info.isResource ? resources : paths).some((test) => test(request))
}

function subjectTest(subject: ReturnType<typeof objectAt>): Test {
  switch (textAt(subject, 'kind')) {
    case 'User': {
      const name = textAt(subject, 'user', 'name')
      return ({ user }) => name === '*' || user.name === name
    }
    case 'Group': {
      const name = textAt(subject, 'group', 'name')
      return ({ user }) => name === '*' || user.groups.includes(name)
    }
    case 'ServiceAccount': {
      const { name, namespace } = objectAt(subject, 'serviceAccount')
      return ({ user }) => {
        const account = accountOf(user.name)
        return account?.namespace === namespace && (name === '*' || account?.name === name)
      }
    }
    default:
      return () => false
  }
}

function resourceTest(rule: ReturnType<typeof objectAt>): Test {
  const verbs = oneOf(stringsAt(rule, 'verbs'))
  const apiGroups = oneOf(stringsAt(rule, 'apiGroups'))
  const resources = oneOf(stringsAt(rule, 'resources'))
  const namespaces = oneOf(stringsAt(rule, 'namespaces'))
  const clusterScope = rule['clusterScope'] === true
  return ({ info }) =>
    verbs(info.verb) &&
    apiGroups(info.group) &&
    resources(info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`) &&
    (info.namespace === '' ? clusterScope : namespaces(info.namespace))
}

function pathTest(rule: ReturnType<typeof objectAt>): Test {
  const verbs = oneOf(stringsAt(rule, 'verbs'))
  const urls = stringsAt(rule, 'nonResourceURLs')
  return ({ info: { verb, path } }) =>
    verbs(verb) &&
    urls.some((url) =>
      url === '*' || url === path ? true : url.endsWith('/*') && path.startsWith(url.slice(0, -1)),
    )
}

function oneOf(values: readonly string[]): (value: string) => boolean {
  if (values.includes('*')) return () => true
  const set = new Set(values)
  return (value) => set.has(value)
}
