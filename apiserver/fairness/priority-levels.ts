import type { JsonObject } from '../../crds/meta/json.ts'
import { isJsonObject } from '../../crds/meta/json.ts'
import { builtIn, statusPart } from '../registry/builtin/built-in.ts'
import { conditionList, integer, kindSchema, object, text } from '../registry/builtin/schema-parts.ts'
import type { FieldError } from '../registry/field-errors.ts'
import { at, objectAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import { forbiddenField, invalidField, requiredField, unsupportedField } from '../schema/field-error.ts'

export const priorityLevels = builtIn({
  group: 'flowcontrol.apiserver.k8s.io',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  namespaced: false,
  schema: kindSchema('A share of what the server works on at a time.', {
    spec: object(
      'How large the share is and what happens beyond it.',
      {
        type: text('Exempt (never limited) or Limited.'),
        limited: object('Set for type Limited.', {
          nominalConcurrencyShares: integer('Share relative to the other levels.', { default: 30 }),
          lendablePercent: integer('How much of the share other levels may use.', { default: 0 }),
          borrowingLimitPercent: integer('How much of other shares this level may use; left out: any.'),
          limitResponse: object(
            'What happens to requests beyond the share.',
            {
              type: text('Queue or Reject.'),
              queuing: object('Set for type Queue.', {
                queues: integer('Number of queues.', { default: 64 }),
                handSize: integer('Queues that one flow uses.', { default: 8 }),
                queueLengthLimit: integer('Requests that wait in one queue at most.', { default: 50 }),
              }),
            },
            ['type'],
          ),
        }),
        exempt: object('Set for type Exempt.', {
          nominalConcurrencyShares: integer('Share that others may borrow from.', { default: 0 }),
          lendablePercent: integer('How much of it they may.', { default: 0 }),
        }),
      },
      ['type'],
    ),
    status: object('State of the level.', { conditions: conditionList('None so far.') }),
  }),
  strategy: {
    countsGenerations: true,
    prepareForCreate: (level) => void delete level['status'],
    validate: levelErrors,
    validateUpdate: levelErrors,
  },
  subresources: { status: statusPart },
  stored: { prefix: '/registry/prioritylevelconfigurations/' },
})

function levelErrors(level: KubeObject): FieldError[] {
  const { name = '' } = level.metadata
  const spec = objectAt(level, 'spec')
  const type = textAt(spec, 'type')
  const errors: FieldError[] = []
  if ((name === 'exempt') !== (type === 'Exempt')) {
    errors.push(invalidField('spec.type', type, "type must be 'Exempt' if and only if name is 'exempt'"))
  }
  if (type === 'Exempt') {
    if (spec['limited'] !== undefined) {
      errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'))
    }
    return [...errors, ...shareErrors(objectAt(spec, 'exempt'), 'spec.exempt')]
  }
  if (type !== 'Limited') return [...errors, unsupportedField('spec.type', type, ['Exempt', 'Limited'])]
  if (spec['exempt'] !== undefined) {
    errors.push(forbiddenField('spec.exempt', 'must be nil if the type is Limited'))
  }
  if (spec['limited'] === undefined) {
    return [...errors, requiredField('spec.limited', 'must not be empty when type is Limited')]
  }
  return [...errors, ...limitedErrors(objectAt(spec, 'limited'))]
}

function shareErrors(share: JsonObject, path: string): FieldError[] {
  const { nominalConcurrencyShares: shares, lendablePercent: lendable } = share
  const errors: FieldError[] = []
  if (typeof shares === 'number' && shares < 0) {
    errors.push(invalidField(`${path}.nominalConcurrencyShares`, shares, 'must be a non-negative integer'))
  }
  if (typeof lendable === 'number' && (lendable < 0 || lendable > 100)) {
    errors.push(invalidField(`${path}.lendablePercent`, lendable, 'must be between 0 and 100, inclusive'))
  }
  return errors
}

function limitedErrors(limited: JsonObject): FieldError[] {
  const errors = shareErrors(limited, 'spec.limited')
  const { borrowingLimitPercent: borrowing } = limited
  if (typeof borrowing === 'number' && borrowing < 0) {
    const field = 'spec.limited.borrowingLimitPercent'
    errors.push(invalidField(field, borrowing, 'if specified, must be a non-negative integer'))
  }
  const path = 'spec.limited.limitResponse'
  const type = textAt(limited, 'limitResponse', 'type')
  const queuing = at(limited, 'limitResponse', 'queuing')
  if (type === 'Reject') {
    if (queuing === undefined) return errors
    const why = 'must be nil if limited.limitResponse.type is not Limited'
    return [...errors, forbiddenField(`${path}.queuing`, why)]
  }
  if (type !== 'Queue') return [...errors, unsupportedField(`${path}.type`, type, ['Queue', 'Reject'])]
  if (isJsonObject(queuing)) return [...errors, ...queuingErrors(queuing, `${path}.queuing`)]
  const why = 'must not be empty if limited.limitResponse.type is Limited'
  return [...errors, requiredField(`${path}.queuing`, why)]
}

const maxQueues = 10_000_000
/** What a flow's hand of queues may take of the hash that deals it. */
const maxHashBits = 60

function queuingErrors(queuing: JsonObject, path: string): FieldError[] {
  const numberAt = (field: string) => Number(queuing[field] ?? 0)
  const errors: FieldError[] = []
  for (const field of ['queueLengthLimit', 'queues', 'handSize']) {
    if (numberAt(field) <= 0) {
      errors.push(invalidField(`${path}.${field}`, numberAt(field), 'must be positive'))
    }
  }
  const queues = numberAt('queues')
  const handSize = numberAt('handSize')
  if (queues > maxQueues) {
    errors.push(invalidField(`${path}.queues`, queues, `must not be greater than ${maxQueues}`))
  }
  if (handSize > queues) {
    const why = `should not be greater than queues (${queues})`
    errors.push(invalidField(`${path}.handSize`, handSize, why))
  } else if (Math.ceil(entropyBits(queues, handSize)) > maxHashBits) {
    const why =
      `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ` +
      String(maxHashBits)
    errors.push(invalidField(`${path}.handSize`, handSize, why))
  }
  return errors
}

function entropyBits(queues: number, handSize: number): number {
  let bits = 0
  for (let dealt = 0; dealt < handSize && bits <= maxHashBits; dealt++) bits += Math.log2(queues - dealt)
  return bits
}
