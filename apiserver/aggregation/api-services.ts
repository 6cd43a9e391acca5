import { builtIn, statusPart } from '../registry/builtin/built-in.ts'
import {
  bool,
  bytes,
  conditionList,
  integer,
  kindSchema,
  object,
  text,
} from '../registry/builtin/schema-parts.ts'
import type { FieldError } from '../registry/field-errors.ts'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import { objectAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import { dnsLabel1035, dnsSubdomain, pathSegment } from '../registry/names.ts'
import { invalidField, requiredField } from '../schema/field-error.ts'
import { validateClientConfig } from '../webhook/validate-client-config.ts'

/** Where the server behind an APIService listens: an https URL of host and port. */
export const backendAnnotation = 'kvorum.dev/backend-url'

export const apiServices = builtIn({
  group: 'apiregistration.k8s.io',
  kind: 'APIService',
  plural: 'apiservices',
  namespaced: false,
  schema: kindSchema('One version of an API group, and who serves it.', {
    spec: object(
      'The group version and the server behind it.',
      {
        group: text('The API group; empty for the core group.'),
        version: text('The version.'),
        groupPriorityMinimum: integer('How early the group comes in lists; higher is earlier.'),
        versionPriority: integer('How early the version comes within its group; higher is earlier.'),
        service: object('The service in front of the server.', {
          namespace: text('Its namespace.'),
          name: text('Its name.'),
          port: integer('Its port.', { default: 443 }),
        }),
        caBundle: bytes('Certificates that the server may come with, PEM-encoded.'),
        insecureSkipTLSVerify: bool('Whether any certificate will do.'),
      },
      ['groupPriorityMinimum', 'versionPriority'],
    ),
    status: object('Whether it can be reached.', {
      conditions: conditionList('Available.'),
    }),
  }),
  strategy: {
    nameRule: pathSegment,
    prepareForCreate: (service) => void delete service['status'],
    validate: apiServiceErrors,
    validateUpdate: apiServiceErrors,
  },
  subresources: { status: statusPart },
  stored: { prefix: '/registry/apiregistration.k8s.io/apiservices/' },
})

/** The name that an APIService has to have. */
export function apiServiceName({ group, version }: { group: string; version: string }): string {
  return `${version}.${group}`
}

/** The URL of the server behind an APIService; undefined for what this server serves itself. */
export function backendOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[backendAnnotation]
}

function apiServiceErrors(service: KubeObject): FieldError[] {
  const spec = objectAt(service, 'spec')
  const [group, version] = [textAt(spec, 'group'), textAt(spec, 'version')]
  const required = apiServiceName({ group, version })
  const errors: FieldError[] = []
  if (service.metadata.name !== required) {
    const why = `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(required)}`
    errors.push(invalidField('metadata.name', service.metadata.name ?? '', why))
  }
  if (group === '' && version !== 'v1') {
    errors.push(requiredField('spec.group', 'only v1 may have an empty group and it better be legacy kube'))
  }
  if (group !== '') errors.push(...dnsSubdomain(group).map((why) => invalidField('spec.group', group, why)))
  errors.push(...dnsLabel1035(version).map((why) => invalidField('spec.version', version, why)))
  errors.push(...priorityErrors(spec, 'groupPriorityMinimum', 20_000))
  errors.push(...priorityErrors(spec, 'versionPriority', 1000))
  return [...errors, ...backendErrors(service, spec)]
}

function priorityErrors(spec: JsonObject, field: string, most: number): FieldError[] {
  const value = Number(spec[field] ?? 0)
  if (value > 0 && value <= most) return []
  return [invalidField(`spec.${field}`, value, `must be positive and less than ${most}`)]
}

function backendErrors(apiService: KubeObject, spec: JsonObject): FieldError[] {
  const url = backendOf(apiService)
  const errors = url === undefined ? [] : urlErrors(url)
  const { service } = spec
  if (service === undefined && url === undefined) return localErrors(spec)
  if (isJsonObject(service)) {
    for (const field of ['namespace', 'name']) {
      if (textAt(service, field) === '') errors.push(requiredField(`spec.service.${field}`))
    }
  }
  if (spec['insecureSkipTLSVerify'] === true && textAt(spec, 'caBundle') !== '') {
    errors.push(invalidField('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'))
  }
  return errors
}

function localErrors(spec: JsonObject): FieldError[] {
  const errors: FieldError[] = []
  const bundle = textAt(spec, 'caBundle')
  if (bundle !== '') {
    const size = `${Buffer.from(bundle, 'base64').length} bytes`
    errors.push(invalidField('spec.caBundle', size, 'local APIServices may not have a caBundle'))
  }
  if (spec['insecureSkipTLSVerify'] === true) {
    const why = 'local APIServices may not have insecureSkipTLSVerify'
    errors.push(invalidField('spec.insecureSkipTLSVerify', true, why))
  }
  return errors
}

/** Requests keep their path, so that the URL may not have one. */
function urlErrors(url: string): FieldError[] {
  const field = `metadata.annotations[${backendAnnotation}]`
  const errors = validateClientConfig('', { url }).map((error) => ({ ...error, field }))
  if (errors.length > 0 || new URL(url).pathname === '/') return errors
  return [invalidField(field, url, 'must not have a path; desired format: https://host[:port]')]
}
