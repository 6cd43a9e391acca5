import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import type { Json, JsonObject } from '../../../crds/meta/json.ts'
import { invalidValue, requiredField, type FieldError } from '../field-errors.ts'
import { objectAt, objectsAt, textAt, type KubeObject } from '../kube-object.ts'
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
        ...(user && { username: user.name, groups: [...user.groups], ...(user.uid && { uid: user.uid }) }),
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
  subresources: { status: signingPart, approval: approvalPart },
  selectableFields: { 'spec.signerName': (request) => textAt(request, 'spec', 'signerName') },
})

function requestErrors(request: KubeObject): FieldError[] {
  const errors: FieldError[] = []
  const pem = Buffer.from(textAt(request, 'spec', 'request'), 'base64').toString('latin1')
  if (!pem.includes('-----BEGIN CERTIFICATE REQUEST-----')) {
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
  if (objectsAt({ spec: objectAt(request, 'spec') }, 'spec', 'usages').length > 0) {
    errors.push(requiredField('spec.usages', 'usages must be strings'))
  }
  return errors
}
