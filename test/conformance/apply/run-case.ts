import type { ApplyCase, ApplyStep } from './apply-case.ts'
import type { Cluster, ClusterAnswer, ClusterObject } from './cluster.ts'
import { ownersOf } from './field-paths.ts'
import { gizmoCrd, group, plainCrd } from './gizmo-crd.ts'

/** What came of a step, without what is different every time. */
export interface Outcome {
  readonly code: number
  /** For a failure. */
  readonly reason?: string
  readonly message?: string
  readonly causes?: readonly object[]
  /** Whether the resource version is another than after the step before. */
  readonly wrote?: boolean
  /** Without the fields that the server makes up. */
  readonly object?: object
  readonly owners?: Record<string, readonly string[]>
}

const plurals = { Gizmo: 'gizmos', Plain: 'plains', Morph: 'morphs' } as const
const name = 'thing'
const waitMs = 20_000

/** Makes the kinds of the cases known. */
export async function installKinds(cluster: Cluster): Promise<void> {
  for (const crd of [gizmoCrd, plainCrd]) await define(cluster, crd)
}

/** Takes the steps of a case one after the other, on an object of its own. */
export async function runCase(cluster: Cluster, applyCase: ApplyCase): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  let resourceVersion: string | undefined
  for (const step of applyCase.steps) {
    if (step.by === 'define') {
      await define(cluster, step.body as typeof gizmoCrd)
      continue
    }
    const answer = await take(cluster, applyCase, step, resourceVersion)
    outcomes.push(outcomeOf(answer, resourceVersion))
    if (answer.body.kind !== 'Status' && step.dryRun !== true) {
      resourceVersion = answer.body.metadata?.resourceVersion
    }
  }
  await removeThing(cluster, applyCase)
  return outcomes
}

function pathOf({ kind = 'Gizmo' }: ApplyCase, version = 'v1'): string {
  return `/apis/${group}/${version}/namespaces/default/${plurals[kind]}`
}

const patchTypes = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
} as const
const methods = { create: 'POST', update: 'PUT', delete: 'DELETE', get: 'GET', define: 'PUT' } as const

function take(
  cluster: Cluster,
  applyCase: ApplyCase,
  step: ApplyStep,
  resourceVersion: string | undefined,
): Promise<ClusterAnswer> {
  const { by = 'apply', version = 'v1', subresource } = step
  const collection = pathOf(applyCase, version)
  const path = by === 'create' ? collection : `${collection}/${name}${subresource ? `/${subresource}` : ''}`
  const whole = { apiVersion: `${group}/${version}`, kind: applyCase.kind ?? 'Gizmo', ...step.body }
  const body = step.text === undefined ? bodyOf(step, whole, resourceVersion) : yamlOf(step.text, whole)
  return by === 'apply' || by === 'merge' || by === 'json'
    ? cluster.send('PATCH', path + query(step), body, patchTypes[by])
    : cluster.send(methods[by], path + query(step), body)
}

function bodyOf({ by = 'apply', body }: ApplyStep, whole: object, resourceVersion?: string) {
  if (by === 'get' || by === 'delete') return undefined
  if (by === 'merge' || by === 'json') return JSON.stringify(body)
  const given = (whole as { metadata?: object }).metadata
  return JSON.stringify({
    ...whole,
    metadata: { name, ...given, ...(by === 'update' && { resourceVersion }) },
  })
}

/** Text that says `# raw` is sent as it is, other text with the head of an object before it. */
function yamlOf(text: string, whole: { readonly apiVersion: string; readonly kind: string }): string {
  if (text.includes('# raw')) return text
  return `apiVersion: ${whole.apiVersion}\nkind: ${whole.kind}\nmetadata: {name: ${name}}\n${text}`
}

function query({ by = 'apply', as = 'ann', force, dryRun, fieldValidation = 'Strict' }: ApplyStep): string {
  if (by === 'get' || by === 'delete') return ''
  const parameters = new URLSearchParams({ fieldValidation })
  if (as !== '') parameters.set('fieldManager', as)
  if (force !== undefined) parameters.set('force', String(force))
  if (dryRun) parameters.set('dryRun', 'All')
  return `?${parameters.toString()}`
}

function outcomeOf({ code, body }: ClusterAnswer, before: string | undefined): Outcome {
  if (body.kind === 'Status' || body.metadata === undefined) {
    const { reason, message = '', details } = body
    const causes = details?.causes
    return {
      code,
      ...(reason !== undefined && { reason }),
      ...(message !== '' && { message: comparable(message) }),
      ...(causes && { causes: differentOnes(causes) }),
    }
  }
  const { managedFields, resourceVersion, ...metadata } = body.metadata
  return {
    code,
    wrote: resourceVersion !== before,
    object: plain(body, metadata),
    owners: ownersOf(managedFields as Parameters<typeof ownersOf>[0]),
  }
}

const made = ['uid', 'creationTimestamp', 'name', 'namespace']

function plain(body: ClusterObject, metadata: Record<string, unknown>): object {
  const { apiVersion: _, kind: __, metadata: ___, ...fields } = body
  const kept = Object.fromEntries(Object.entries(metadata).filter(([field]) => !made.includes(field)))
  return { ...(Object.keys(kept).length > 0 && { metadata: kept }), ...fields }
}

/** How a parser words what is no YAML at all is its own affair. */
function comparable(message: string): string {
  return timeless(message)
    .replace(/^error parsing YAML/, 'error decoding YAML')
    .replace(/^(error (?:strict )?decoding YAML): [^]*/, '$1')
}

/** Kubernetes says some things twice. */
function differentOnes(causes: readonly object[]): object[] {
  const texts = new Set(causes.map((cause) => timeless(JSON.stringify(cause))))
  return [...texts].map((text) => JSON.parse(text) as object)
}

function timeless(text: string): string {
  return text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
}

async function removeThing(cluster: Cluster, applyCase: ApplyCase): Promise<void> {
  const path = `${pathOf(applyCase)}/${name}`
  const free = JSON.stringify({ metadata: { finalizers: null } })
  await cluster.send('PATCH', path, free, 'application/merge-patch+json')
  await cluster.send('DELETE', path)
  await until(async () => (await cluster.send('GET', path)).code === 404, `${path} to go`)
}

/** Makes a definition or changes it, and waits until it is the one that is served. */
async function define(cluster: Cluster, crd: typeof gizmoCrd): Promise<void> {
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const path = `${definitions}/${crd.metadata.name}`
  const existing = await cluster.send('GET', path)
  const created = existing.code === 404
  const metadata = { ...crd.metadata, resourceVersion: existing.body.metadata?.resourceVersion }
  const answer = created
    ? await cluster.send('POST', definitions, JSON.stringify(crd))
    : await cluster.send('PUT', path, JSON.stringify({ ...crd, metadata }))
  if (answer.code > 201) throw new Error(`defining ${crd.metadata.name}: ${answer.body.message}`)
  const [version] = crd.spec.versions as readonly {
    name: string
    additionalPrinterColumns?: readonly { name: string }[]
  }[]
  const column = version?.additionalPrinterColumns?.[0]?.name
  const served = `/apis/${group}/${version?.name}/namespaces/default/${crd.spec.names.plural}`
  await until(async () => {
    const { code, body } = await cluster.table(served)
    return code === 200 && (column === undefined || JSON.stringify(body).includes(column))
  }, `${crd.metadata.name} to be served`)
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + waitMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${waitMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
