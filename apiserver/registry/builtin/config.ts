import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { forbiddenField, invalidValue, requiredField, tooLong, type FieldError } from '../field-errors.ts'
import { objectAt, textAt, type KubeObject } from '../kube-object.ts'
import { builtIn } from './built-in.ts'
import { bool, bytes, kindSchema, map, text } from './schema-parts.ts'

/** Keys and values of one ConfigMap or Secret together. */
const maxDataBytes = 1024 * 1024

function isConfigKey(key: string): boolean {
  return key.length <= 253 && /^[-._a-zA-Z0-9]+$/.test(key) && key !== '.' && key !== '..'
}

function dataErrors(object: KubeObject, fields: readonly string[], maxField: string): FieldError[] {
  const errors: FieldError[] = []
  let size = 0
  for (const field of fields) {
    for (const [key, value] of Object.entries(objectAt(object, field))) {
      size += typeof value === 'string' ? value.length : 0
      if (isConfigKey(key)) continue
      errors.push(
        invalidValue(
          `${field}[${key}]`,
          key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or " +
            "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        ),
      )
    }
  }
  if (size > maxDataBytes) errors.push(tooLong(maxField, maxDataBytes))
  return errors
}

function immutableErrors(next: KubeObject, current: KubeObject, fields: readonly string[]): FieldError[] {
  if (current['immutable'] !== true) return []
  const errors: FieldError[] = []
  if (next['immutable'] !== true) errors.push(frozen('immutable'))
  for (const field of fields) {
    if (!jsonEqual(objectAt(next, field), objectAt(current, field))) errors.push(frozen(field))
  }
  return errors
}

const frozen = (field: string) => forbiddenField(field, 'field is immutable when `immutable` is set')

export const configMaps = builtIn({
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  namespaced: true,
  schema: kindSchema('Configuration data for others to read.', {
    data: map('Text by key.', text('')),
    binaryData: map('Bytes by key, base64-encoded.', bytes('')),
    immutable: bool('Once true, data cannot be changed any more.'),
  }),
  strategy: {
    validate: validateConfigMap,
    validateUpdate: (next, current) => [
      ...validateConfigMap(next),
      ...immutableErrors(next, current, ['data', 'binaryData']),
    ],
  },
})

function validateConfigMap(object: KubeObject): FieldError[] {
  const data = objectAt(object, 'data')
  const twice = Object.keys(objectAt(object, 'binaryData')).filter((key) => Object.hasOwn(data, key))
  return [
    ...twice.map((key) => invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...dataErrors(object, ['data', 'binaryData'], ''),
  ]
}

/** Which keys a Secret of a well-known type has to have. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
}

export const secrets = builtIn({
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  schema: kindSchema('Data that not everybody may read.', {
    data: map('Bytes by key, base64-encoded.', bytes('')),
    stringData: map('Text by key, written into data; never shown.', text('')),
    type: text('What the secret is for.', { default: 'Opaque' }),
    immutable: bool('Once true, data cannot be changed any more.'),
  }),
  strategy: {
    prepareForCreate: takeStringData,
    prepareForUpdate(next, current) {
      takeStringData(next)
      if (!next['type']) next['type'] = textAt(current, 'type')
    },
    validate: validateSecret,
    validateUpdate(next, current) {
      const errors = validateSecret(next)
      if (next['type'] !== current['type'])
        errors.push(invalidValue('type', next['type'], 'field is immutable'))
      return [...errors, ...immutableErrors(next, current, ['data'])]
    },
  },
  selectableFields: { type: (secret) => textAt(secret, 'type') },
})

/** Which annotation a Secret of a well-known type has to have. */
const requiredAnnotations: Readonly<Record<string, string>> = {
  'kubernetes.io/service-account-token': 'kubernetes.io/service-account.name',
}

function takeStringData(secret: KubeObject): void {
  const { stringData } = secret
  delete secret['stringData']
  const data = { ...objectAt(secret, 'data') }
  for (const [key, value] of Object.entries(objectAt({ stringData }, 'stringData'))) {
    data[key] = Buffer.from(typeof value === 'string' ? value : '').toString('base64')
  }
  if (Object.keys(data).length > 0) secret['data'] = data
}

function validateSecret(secret: KubeObject): FieldError[] {
  const data = objectAt(secret, 'data')
  const missing = (requiredKeys[textAt(secret, 'type')] ?? []).filter((key) => !Object.hasOwn(data, key))
  const annotation = requiredAnnotations[textAt(secret, 'type')]
  const lacksAnnotation = annotation !== undefined && !secret.metadata.annotations?.[annotation]
  return [
    ...(lacksAnnotation ? [requiredField(`metadata.annotations[${annotation}]`)] : []),
    ...missing.map((key) => requiredField(`data[${key}]`)),
    ...dataErrors(secret, ['data'], 'data'),
  ]
}
