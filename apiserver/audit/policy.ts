import { parseDocument } from 'yaml'
import { z } from 'zod'
import { auditLevels, auditStages, type AuditLevel, type AuditStage } from './audit-event.ts'

/** Requests that a rule is about. Empty lists match everything. */
export interface AuditRule {
  readonly level: AuditLevel
  readonly users: readonly string[]
  readonly userGroups: readonly string[]
  readonly verbs: readonly string[]
  readonly resources: readonly GroupResources[]
  /** The empty text stands for requests that are not in a namespace. */
  readonly namespaces: readonly string[]
  readonly nonResourceURLs: readonly string[]
  readonly omitStages: readonly AuditStage[]
  readonly omitManagedFields?: boolean | undefined
  /** Only requests that are answered with 401 or 403 are written; no policy file can say this. */
  readonly refusalsOnly?: boolean
}

export interface GroupResources {
  readonly group: string
  readonly resources: readonly string[]
  readonly resourceNames: readonly string[]
}

export interface AuditPolicy {
  /** The first that matches decides; a request that none matches is not written. */
  readonly rules: readonly AuditRule[]
  readonly omitStages: readonly AuditStage[]
  readonly omitManagedFields: boolean
}

const texts = z.array(z.string()).default([])
const stages = z.array(z.enum(auditStages)).default([])

const ruleSchema = z
  .strictObject({
    level: z.enum(auditLevels),
    users: texts,
    userGroups: texts,
    verbs: texts,
    resources: z
      .array(z.strictObject({ group: z.string().default(''), resources: texts, resourceNames: texts }))
      .default([]),
    namespaces: texts,
    nonResourceURLs: z
      .array(
        z
          .string()
          .refine(
            (url) => url === '*' || /^\/[^*]*\*?$/.test(url),
            'must be * or begin with a slash, and may have an asterisk at its end alone',
          ),
      )
      .default([]),
    omitStages: stages,
    omitManagedFields: z.boolean().optional(),
  })
  .refine(
    ({ nonResourceURLs, resources, namespaces }) =>
      nonResourceURLs.length === 0 || resources.length + namespaces.length === 0,
    'rules cannot apply to both regular resources and non-resource URLs',
  )

const policySchema = z.strictObject({
  apiVersion: z.literal('audit.k8s.io/v1'),
  kind: z.literal('Policy'),
  metadata: z.record(z.string(), z.unknown()).optional(),
  rules: z.array(ruleSchema).min(1, 'a policy needs at least one rule'),
  omitStages: stages,
  omitManagedFields: z.boolean().default(false),
})

/** Reads a Policy of `audit.k8s.io/v1`, YAML or JSON. Throws an Error that names the field at fault. */
export function parseAuditPolicy(text: string): AuditPolicy {
  const document = parseDocument(text, { logLevel: 'silent' })
  const [problem] = document.errors
  if (problem) throw new Error(`audit policy: ${problem.message.split('\n')[0] ?? 'not YAML'}`)
  const { data, error } = policySchema.safeParse(document.toJS({ maxAliasCount: 100 }))
  if (data) return data
  const [issue] = error.issues
  const field = issue?.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
  throw new Error(
    `audit policy${field === '' ? '' : `, ${field?.slice(1)}`}: ${issue?.message ?? 'is not valid'}`,
  )
}

const everyRequest: AuditRule = {
  level: 'Metadata',
  users: [],
  userGroups: [],
  verbs: [],
  resources: [],
  namespaces: [],
  nonResourceURLs: [],
  omitStages: [],
}

/** Programs of the cluster, whose every heartbeat would drown what people do. */
const ownPrograms: Partial<AuditRule>[] = [
  { userGroups: ['system:nodes'] },
  { users: ['kvorum:controllers'] },
]
const heartbeats: readonly GroupResources[] = [
  { group: 'coordination.k8s.io', resources: ['leases'], resourceNames: [] },
  { group: '', resources: ['events'], resourceNames: [] },
  { group: 'events.k8s.io', resources: ['events'], resourceNames: [] },
  { group: 'kvorum.dev', resources: ['*/status'], resourceNames: [] },
]

/** What is written when there is no policy file: who changed what, and every refusal; questions about rights are no changes. */
export const defaultAuditPolicy: AuditPolicy = {
  rules: [
    ...ownPrograms.map((who) => ({ ...everyRequest, ...who, resources: heartbeats, refusalsOnly: true })),
    {
      ...everyRequest,
      refusalsOnly: true,
      resources: [
        { group: 'authorization.k8s.io', resources: [], resourceNames: [] },
        {
          group: 'authentication.k8s.io',
          resources: ['selfsubjectreviews', 'tokenreviews'],
          resourceNames: [],
        },
      ],
    },
    // Whoever opens a console acts on the machine, and whoever takes a screenshot sees what was not meant for them.
    {
      ...everyRequest,
      resources: [
        { group: 'kvorum.dev', resources: ['*/console', '*/screenshot', '*/vnc'], resourceNames: [] },
      ],
    },
    { ...everyRequest, verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'] },
    { ...everyRequest, refusalsOnly: true },
  ],
  omitStages: ['RequestReceived'],
  omitManagedFields: true,
}
