import type { Json } from '../../../crds/meta/json.ts'
import { invalidValue, type FieldError } from '../field-errors.ts'
import { at, objectAt, type KubeObject } from '../kube-object.ts'
import { builtIn, statusPart } from './built-in.ts'
import {
  integer,
  kindSchema,
  map,
  object,
  quantity,
  text,
  atomicObject,
  list,
  strings,
} from './schema-parts.ts'

const microTime = (description: string) => text(description, { format: 'date-time', nullable: true })

function leaseErrors(lease: KubeObject): FieldError[] {
  const errors: FieldError[] = []
  const seconds = at(lease, 'spec', 'leaseDurationSeconds')
  const transitions = at(lease, 'spec', 'leaseTransitions')
  if (typeof seconds === 'number' && seconds <= 0) {
    errors.push(invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0'))
  }
  if (typeof transitions === 'number' && transitions < 0) {
    errors.push(invalidValue('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'))
  }
  return errors
}

export const leases = builtIn({
  group: 'coordination.k8s.io',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  schema: kindSchema('A claim that somebody keeps renewing.', {
    spec: object('Who holds the lease and for how long.', {
      holderIdentity: text('Who holds it.'),
      leaseDurationSeconds: integer('How long candidates wait after the last renewal.'),
      acquireTime: microTime('When the holder got it.'),
      renewTime: microTime('When the holder renewed it last.'),
      leaseTransitions: integer('How often it changed hands.'),
      strategy: text('How the holder is chosen in a coordinated election.'),
      preferredHolder: text('Who should take over.'),
    }),
  }),
  strategy: {
    allowUnconditionalUpdate: false,
    allowCreateOnUpdate: true,
    validate: leaseErrors,
    validateUpdate: leaseErrors,
  },
})

const quantities = (description: string) => map(description, quantity('An amount.'))

export const resourceQuotas = builtIn({
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  namespaced: true,
  schema: kindSchema('Limits what a namespace may use in total.', {
    spec: object('The limits.', {
      hard: quantities('Limit by resource.'),
      scopes: list('What the quota counts.', { type: 'string' }),
      scopeSelector: atomicObject('Conditions on what the quota counts.', {
        matchExpressions: list(
          'Scopes and their values.',
          object('', { scopeName: text(''), operator: text(''), values: strings('') }, [
            'scopeName',
            'operator',
          ]),
        ),
      }),
    }),
    status: object('What is used.', {
      hard: quantities('The limits in force.'),
      used: quantities('Amount in use by resource.'),
    }),
  }),
  strategy: {
    returnsDeletedObject: true,
    prepareForCreate: (quota) => void (quota['status'] = {}),
    validate: quotaErrors,
    validateUpdate: quotaErrors,
  },
  subresources: { status: statusPart },
})

function quotaErrors(quota: KubeObject): FieldError[] {
  return Object.entries(objectAt(quota, 'spec', 'hard')).flatMap(([name, amount]) =>
    isAmount(amount)
      ? []
      : [invalidValue(`spec.hard[${name}]`, amount, 'must be a quantity that is not negative')],
  )
}

function isAmount(value: Json | undefined): boolean {
  if (typeof value === 'number') return value >= 0
  return typeof value === 'string' && /^\d+(\.\d+)?([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE])?$/.test(value)
}
