import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { metadataOf, text, texts } from '../object-metadata.ts'
import { annotationLines, labelLines } from './describe-metadata.ts'
import { describeBinding, describeRules } from './describe-rbac.ts'
import { type EventLine, formatEvents } from './event-lines.ts'
import { goText } from './go-text.ts'
import { byCodePoint } from './json.ts'

/** Lines with tabs, to be aligned. */
type Describe = (object: JsonObject, events: readonly EventLine[]) => string[]

const kinds: Readonly<Record<string, Describe>> = {
  'v1/Secret': describeSecret,
  'v1/ConfigMap': describeConfigMap,
  'v1/ServiceAccount': describeServiceAccount,
  'v1/Namespace': (object) => [
    head(object, false),
    `Status:\t${isJsonObject(object['status']) ? text(object['status']['phase']) : ''}\n`,
  ],
  'v1/ResourceQuota': describeQuota,
  'rbac.authorization.k8s.io/v1/Role': (object) => [head(object, false), ...describeRules(object)],
  'rbac.authorization.k8s.io/v1/ClusterRole': (object) => [head(object, false), ...describeRules(object)],
  'rbac.authorization.k8s.io/v1/RoleBinding': (object) => [head(object, false), ...describeBinding(object)],
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': (object) => [
    head(object, false),
    ...describeBinding(object),
  ],
}

/** Undefined for kinds that have no words of their own. */
export function describeBuiltIn(object: JsonObject, events: readonly EventLine[]): string[] | undefined {
  const key = `${text(object['apiVersion'])}/${text(object['kind'])}`
  const describe = Object.hasOwn(kinds, key) ? kinds[key] : undefined
  return describe?.(object, events)
}

function head(object: JsonObject, withNamespace: boolean): string {
  const metadata = metadataOf(object)
  return [
    `Name:\t${text(metadata['name'])}\n`,
    withNamespace ? `Namespace:\t${text(metadata['namespace'])}\n` : '',
    labelLines('Labels', texts(metadata['labels'])),
    annotationLines(texts(metadata['annotations'])),
  ].join('')
}

/** How long each value is, never what it is. */
function describeSecret(object: JsonObject): string[] {
  const sizes = Object.entries(texts(object['data']))
    .toSorted(([a], [b]) => byCodePoint(a, b))
    .map(([key, value]) => {
      const bytes = Buffer.from(value, 'base64')
      // Tokens are made to be shown to their owners, as kubectl does.
      const isToken = key === 'token' && text(object['type']) === 'kubernetes.io/service-account-token'
      return isToken ? `${key}:\t${bytes.toString('utf8')}\n` : `${key}:\t${bytes.length} bytes\n`
    })
  return [head(object, true), `\nType:\t${text(object['type'])}\n`, '\nData\n====\n', ...sizes]
}

function describeConfigMap(object: JsonObject, events: readonly EventLine[]): string[] {
  const data = Object.entries(texts(object['data'])).toSorted(([a], [b]) => byCodePoint(a, b))
  const binary = Object.entries(texts(object['binaryData'])).toSorted(([a], [b]) => byCodePoint(a, b))
  return [
    head(object, true),
    '\nData\n====\n',
    ...data.map(([key, value]) => `${key}:\n----\n${value}\n\n`),
    '\nBinaryData\n====\n',
    ...binary.map(([key, value]) => `${key}: ${Buffer.from(value, 'base64').length} bytes\n`),
    '\n',
    formatEvents(events),
  ]
}

function describeServiceAccount(object: JsonObject, events: readonly EventLine[]): string[] {
  return [
    head(object, true),
    nameLines('Image pull secrets', object['imagePullSecrets']),
    nameLines('Mountable secrets', object['secrets']),
    nameLines('Tokens', undefined),
    formatEvents(events),
  ]
}

function nameLines(heading: string, value: Json | undefined): string {
  const names = Array.isArray(value) ? value.filter(isJsonObject).map(({ name }) => text(name)) : []
  return `${heading}:\t${names.length === 0 ? '<none>' : names.join('\n\t')}\n`
}

function describeQuota(object: JsonObject): string[] {
  const { name, namespace } = metadataOf(object)
  const status = isJsonObject(object['status']) ? object['status'] : {}
  const hard = isJsonObject(status['hard']) ? status['hard'] : {}
  const used = texts(status['used'])
  return [
    `Name:\t${text(name)}\nNamespace:\t${text(namespace)}\n`,
    'Resource\tUsed\tHard\n--------\t----\t----\n',
    ...Object.keys(hard)
      .toSorted(byCodePoint)
      .map((resource) => `${resource}\t${used[resource] ?? '0'}\t${goText(hard[resource])}\n`),
  ]
}
