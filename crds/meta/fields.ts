import { z } from 'zod'

/**
 * Schema pieces that several kinds share. `effect` in a field's meta says what a change of it does to a running
 * machine; the generator prints it in the kind's docs page and keeps it out of the CRD.
 */
export type FieldEffect = 'live' | 'restart' | 'migrate' | 'immutable'

/** A Kubernetes quantity above zero as it is written in YAML: `512Mi`, `20Gi`, `1.5G` or a plain number of bytes. */
export type QuantityValue = string | number

const quantityPattern = '^[0-9]+(\\.[0-9]+)?([KMGTPE]i|[kMGTPE])?$'

export function quantity(description: string) {
  const pattern = new RegExp(quantityPattern)
  return z
    .custom<QuantityValue>((value) =>
      typeof value === 'number'
        ? Number.isInteger(value) && value > 0
        : typeof value === 'string' && pattern.test(value),
    )
    .meta({
      description,
      'x-kubernetes-int-or-string': true,
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      minimum: 1,
      maxLength: 32,
      pattern: quantityPattern,
    })
}

/** Name of an object in the same namespace, or of a cluster-scoped one. */
export function reference(description: string) {
  return z.object({ name: objectName('Name of the object.') }).meta({ description })
}

export function objectName(description: string) {
  return z
    .string()
    .min(1)
    .max(253)
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    .meta({ description })
}

/** Name of an item in a list: it becomes part of child objects' names and of device aliases. */
export function itemName(description: string) {
  return z
    .string()
    .min(1)
    .max(40)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
    .meta({ description })
}

/** A list whose items are told apart by `key`, so that several appliers may each own their items. */
export function listMap<T extends z.ZodObject>(item: T, key: string, maxItems = 64) {
  return z
    .array(item)
    .max(maxItems)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] })
}

export const condition = z.object({
  type: z.string().max(316).describe('What the condition is about.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
  reason: z.string().max(1024).describe('One CamelCase word that says why, for programs.'),
  message: z.string().max(32768).describe('One sentence that says why, for people.'),
  lastTransitionTime: z.string().meta({ description: 'When the status last changed.', format: 'date-time' }),
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .meta({ description: 'The metadata.generation that this answers.', format: 'int64' }),
})

export type Condition = z.infer<typeof condition>

export const conditions = listMap(condition, 'type', 32)
  .optional()
  .describe('What is known about the object, one entry per question.')

export const observedGeneration = z
  .int()
  .min(0)
  .optional()
  .meta({ description: 'The metadata.generation that this status answers.', format: 'int64' })

export function dateTime(description: string) {
  return z.string().meta({ description, format: 'date-time' })
}

/** Bytes and other counts that go beyond 32 bits. */
export function count(description: string) {
  return z.int().min(0).meta({ description, format: 'int64' })
}
