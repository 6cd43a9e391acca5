import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import type { Json, JsonObject } from '../../../crds/meta/json.ts'
import type { UserInfo } from '../../http/exchange.ts'
import { invalidValue, requiredField, unsupportedValue, type FieldError } from '../field-errors.ts'
import { objectAt, objectsAt, stringsAt, textAt, type KubeObject } from '../kube-object.ts'
import { keepField } from '../prepare-object.ts'
import type { PartSubresource } from '../resource-definition.ts'
import { builtIn } from './built-in.ts'
import {
  bytes,
  conditionList,
  integer,
  kindSchema,
  list,
  map,
  object,
  strings,
  text,
} from './schema-parts.ts'

function isDecision(type: Json | undefined): boolean {
  return type === 'Approved' || type === 'Denied'
}

function conditionsOf(request: KubeObject, decided: boolean): JsonObject[] {
  return objectsAt(request, 'status', 'conditions').filter(({ type }) => isDecision(type) === decided)
}

/** `/approval` writes the Approved and Denied conditions alone. */
const approvalPart: PartSubresource = {
  type: 'part',
  merge(next, current): KubeObject {
    const conditions = [...conditionsOf(next, true), ...conditionsOf(current, false)]
    return { ...current, status: { ...objectAt(current, 'status'), conditions } }
  },
}

/** `/status` writes the certificate and every other condition: signers cannot approve. */
const signingPart: PartSubresource = {
  type: 'part',
  merge(next, current): KubeObject {
    const conditions = [...conditionsOf(current, true), ...conditionsOf(next, false)]
    return { ...current, status: { ...objectAt(next, 'status'), conditions } }
  },
}

export const certificateSigningRequests = builtIn({
  group: 'certificates.k8s.io',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  namespaced: false,
  schema: kindSchema(
    'Asks a signer for a certificate.',
    {
      spec: object(
        'What is asked for; it cannot be changed.',
        {
          request: bytes('A PEM-encoded PKCS#10 request.'),
          signerName: text('Who should sign.'),
          expirationSeconds: integer('For how long.', { minimum: 600 }),
          usages: list('What the key will be used for.', { type: 'string' }),
          username: text('Who asks; set by the server.'),
          uid: text('Who asks; set by the server.'),
          groups: strings('Who asks; set by the server.'),
          extra: map('Who asks; set by the server.', { type: 'array', items: { type: 'string' } }),
        },
        ['request', 'signerName'],
      ),
      status: object('What became of it.', {
        conditions: conditionList('Approved, Denied or Failed.'),
        certificate: bytes('The signed certificate, PEM-encoded.'),
      }),
    },
    ['spec'],
  ),
  strategy: {
    prepareForCreate(request, user) {
      const {
        username: _name,
        uid: _uid,
        groups: _groups,
        extra: _extra,
        ...asked
      } = objectAt(request, 'spec')
      request['spec'] = {
        ...asked,
        ...(user && askerOf(user)),
      }
      request['status'] = {}
    },
    prepareForUpdate: (next, current) => keepField(next, current, 'spec'),
    validate: requestErrors,
    validateUpdate: (next, current) =>
      jsonEqual(next['spec'], current['spec'])
        ? []
        : [invalidValue('spec', next['spec'], 'field is immutable')],
  },
  subresources: {
    status: { ...signingPart, validate: statusErrors },
    approval: { ...approvalPart, validate: statusErrors },
  },
  selectableFields: { 'spec.signerName': (request) => textAt(request, 'spec', 'signerName') },
})

function askerOf({ name, uid, groups, extra }: UserInfo): JsonObject {
  return {
    username: name,
    groups: [...groups],
    ...(uid && { uid }),
    ...(extra && {
      extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])),
    }),
  }
}

const knownUsages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
]

function requestErrors(request: KubeObject): FieldError[] {
  const errors: FieldError[] = []
  const pem = Buffer.from(textAt(request, 'spec', 'request'), 'base64').toString('latin1')
  if (!/-----BEGIN (NEW )?CERTIFICATE REQUEST-----/.test(pem)) {
    errors.push(invalidValue('spec.request', pem.slice(0, 40), 'PEM block type must be CERTIFICATE REQUEST'))
  }
  const signer = textAt(request, 'spec', 'signerName')
  if (!/^[^/]+\.[^/]+\/.+$/.test(signer)) {
    errors.push(
      invalidValue(
        'spec.signerName',
        signer,
        'must be a fully qualified domain and path of the form "example.com/signer-name"',
      ),
    )
  }
  return [...errors, ...usageErrors(stringsAt(request, 'spec', 'usages'))]
}

function usageErrors(usages: readonly string[]): FieldError[] {
  if (usages.length === 0) return [requiredField('spec.usages')]
  return usages.flatMap((usage, index) => {
    const field = `spec.usages[${index}]`
    if (!knownUsages.includes(usage)) return [unsupportedValue(field, usage, knownUsages)]
    return usages.indexOf(usage) === index ? [] : [invalidValue(field, usage, 'must be named once')]
  })
}

/** Decisions are for good: a request is approved or denied once, and neither is taken back. */
function statusErrors(next: KubeObject, current: KubeObject): FieldError[] {
  const field = 'status.conditions'
  const types = (request: KubeObject) =>
    new Set(objectsAt(request, 'status', 'conditions').map((condition) => textAt(condition, 'type')))
  const [now, before] = [types(next), types(current)]
  const errors: FieldError[] = []
  if (now.has('Approved') && now.has('Denied')) {
    errors.push(invalidValue(field, 'Denied', 'Approved and Denied conditions are mutually exclusive'))
  }
  for (const type of ['Approved', 'Denied', 'Failed']) {
    if (before.has(type) && !now.has(type))
      errors.push(
        invalidValue(field, type, `updates may not remove a condition of type ${JSON.stringify(type)}`),
      )
  }
  for (const condition of objectsAt(next, 'status', 'conditions')) {
    const type = textAt(condition, 'type')
    if (['Approved', 'Denied', 'Failed'].includes(type) && condition['status'] !== 'True')
      errors.push(unsupportedValue(`${field}[${type}].status`, textAt(condition, 'status'), ['True']))
  }
  return [...errors, ...certificateErrors(next, current)]
}

function certificateErrors(next: KubeObject, current: KubeObject): FieldError[] {
  const [now, before] = [textAt(next, 'status', 'certificate'), textAt(current, 'status', 'certificate')]
  if (now === before) return []
  const field = 'status.certificate'
  if (before !== '') return [invalidValue(field, '<certificate data>', 'may not be changed once it is set')]
  const pem = Buffer.from(now, 'base64').toString('latin1')
  return pem.includes('-----BEGIN CERTIFICATE-----')
    ? []
    : [invalidValue(field, '<certificate data>', 'must contain one or more PEM blocks')]
}
