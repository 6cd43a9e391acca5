import { parseFieldSelector } from '../../apimachinery/selectors/field-selector.ts'
import { hostLeaseNamespace } from '../../crds/names.ts'
import { certificateSigningRequests } from '../registry/builtin/certificates.ts'
import { groupEvents } from '../registry/builtin/events.ts'
import { textAt } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { keyOf } from '../registry/resource-definition.ts'
import type { Attributes, Authorizer, Decision } from './authorizer.ts'
import { placements, type NodeGraph } from './node-graph.ts'
import { nodeNameOf, recoveringNodeOf } from './node-identity.ts'
import { vertex } from './node-references.ts'

interface Question {
  readonly host: string
  readonly wanted: Attributes
  readonly signal: AbortSignal
}

/** What a daemon may do with one kind: undefined when it may, else why not. */
type Check = (question: Question) => Promise<string | undefined>

const reading = ['get', 'list', 'watch']
const writingOne = ['update', 'patch']
const listing = ['list', 'watch']
const rootAuthorities = 'kube-root-ca.crt'

/**
 * Lets a daemon (`system:node:<host>` in `system:nodes`) get at its own host, its lease and what is placed on it, and
 * at nothing else. It has no opinion on everybody else. What a daemon may write in there is for NodeRestriction.
 */
export class NodeAuthorizer implements Authorizer {
  readonly #graph: NodeGraph
  readonly #objects: ObjectStore
  readonly #checks: Readonly<Record<string, Check>>

  constructor(graph: NodeGraph, objects: ObjectStore) {
    this.#graph = graph
    this.#objects = objects
    const shared: Check = async ({ wanted }) =>
      onlyVerbs(wanted, reading) ?? (wanted.subresource === '' ? undefined : 'it may only read the whole')
    const placed: Check = (question) => this.#placed(question)
    const needed: Check = (question) => this.#needed(question)
    const events: Check = (question) => this.#event(question)
    const requests: Check = (question) => this.#signingRequest(question)
    this.#checks = {
      'kvorum.dev/hosts': async (question) => ownHost(question),
      'kvorum.dev/hostclusters': shared,
      'kvorum.dev/networks': shared,
      'kvorum.dev/storagedomains': shared,
      ...Object.fromEntries(Object.keys(placements).map((plural) => [`kvorum.dev/${plural}`, placed])),
      '/secrets': needed,
      '/configmaps': needed,
      '/namespaces': async ({ wanted }) =>
        wanted.verb === 'get' && wanted.name === hostLeaseNamespace && wanted.subresource === ''
          ? undefined
          : 'it may only get the namespace of its lease',
      'coordination.k8s.io/leases': async (question) => ownLease(question),
      '/events': events,
      'events.k8s.io/events': events,
      'certificates.k8s.io/certificatesigningrequests': requests,
    }
  }

  async authorize(wanted: Attributes, signal: AbortSignal): Promise<Decision> {
    const recovering = recoveringNodeOf(wanted.user)
    if (recovering !== undefined) return await this.#recover(wanted, signal)
    const host = nodeNameOf(wanted.user)
    if (host === undefined || !wanted.isResource) return { allowed: false, reason: '' }
    const check = this.#checks[`${wanted.group}/${wanted.resource}`]
    const why = check ? await check({ host, wanted, signal }) : 'it is not among what daemons work with'
    if (why === undefined) return { allowed: true, reason: `node: host "${host}" works with this` }
    return { allowed: false, reason: `node "${host}": ${why}` }
  }

  async rulesFor(user: Attributes['user']) {
    const incomplete = nodeNameOf(user) !== undefined
    return {
      rules: [],
      incomplete,
      ...(incomplete && { evaluationError: 'node authorizer does not support user rule resolution' }),
    }
  }

  /** An expired certificate is good for one thing: a new one. */
  async #recover(wanted: Attributes, signal: AbortSignal): Promise<Decision> {
    const isRequest =
      wanted.group === 'certificates.k8s.io' && wanted.resource === 'certificatesigningrequests'
    const why = isRequest
      ? await this.#signingRequest({ host: '', wanted, signal })
      : 'its certificate has expired: it may only ask for a new one'
    if (why === undefined) return { allowed: true, reason: 'node: recovery' }
    // Whatever roles are bound to everybody: this user does not exist but for its request.
    return { allowed: false, denied: true, reason: why }
  }

  async #placed({ host, wanted, signal }: Question): Promise<string | undefined> {
    const { resource, subresource, namespace, name, verb } = wanted
    if (subresource !== '' && subresource !== 'status') return 'it may only write the whole and its status'
    if (listing.includes(verb) && name === '') {
      const field = placements[resource]?.join('.') ?? ''
      return selects(wanted, field, host) ? undefined : `it must select ${field}=${host}`
    }
    const refused = onlyVerbs(wanted, ['get', 'watch', ...writingOne])
    if (refused !== undefined) return refused
    return await this.#related(host, vertex(resource, namespace, name), signal)
  }

  /** Secrets and ConfigMaps: those that something placed on the host refers to, one at a time. */
  async #needed({ host, wanted, signal }: Question): Promise<string | undefined> {
    const { resource, namespace, verb, subresource } = wanted
    const refused = onlyVerbs(wanted, reading)
    if (refused !== undefined || subresource !== '') return refused ?? 'it may only read the whole'
    const name = listing.includes(verb) && wanted.name === '' ? selectedName(wanted) : wanted.name
    if (name === undefined || namespace === '') return 'it may only read one at a time, by its name'
    // The authorities of the API server are no secret, and a daemon has to follow their change.
    if (resource === 'configmaps' && namespace === hostLeaseNamespace && name === rootAuthorities)
      return undefined
    return await this.#related(host, vertex(resource, namespace, name), signal)
  }

  async #related(host: string, object: string, signal: AbortSignal): Promise<string | undefined> {
    const related = await this.#graph.concernsNow(host, object, signal)
    return related ? undefined : 'no relationship found between the host and this object'
  }

  async #event({ host, wanted, signal }: Question): Promise<string | undefined> {
    const { verb, name, namespace, subresource } = wanted
    if (subresource !== '') return 'events have no parts'
    // What it is about is looked at by NodeRestriction.
    if (verb === 'create') return undefined
    const refused = onlyVerbs(wanted, ['get', ...writingOne])
    if (refused !== undefined) return refused
    const stored = await this.#objects.read(
      groupEvents,
      keyOf(groupEvents, namespace, name),
      undefined,
      signal,
    )
    const reporter = stored && textAt(stored.object, 'reportingInstance')
    return reporter === undefined || reporter === host ? undefined : 'another program reports this event'
  }

  async #signingRequest({ wanted, signal }: Question): Promise<string | undefined> {
    const { verb, subresource, user } = wanted
    if (subresource !== '') return 'it may neither approve nor sign'
    if (verb === 'create') return undefined
    const refused = onlyVerbs(wanted, reading)
    if (refused !== undefined) return refused
    const name = listing.includes(verb) && wanted.name === '' ? selectedName(wanted) : wanted.name
    if (name === undefined) return 'it may only read its own requests, by their names'
    const key = keyOf(certificateSigningRequests, '', name)
    const stored = await this.#objects.read(certificateSigningRequests, key, undefined, signal)
    const asker = stored && textAt(stored.object, 'spec', 'username')
    return asker === undefined || asker === user.name ? undefined : 'somebody else has made this request'
  }
}

function ownHost({ host, wanted }: Question): string | undefined {
  const { verb, name, subresource } = wanted
  if (subresource !== '' && subresource !== 'status') return 'it may only write the whole and its status'
  if (verb === 'create' && subresource === '') return undefined
  if (listing.includes(verb) && name === '') {
    return selectedName(wanted) === host ? undefined : `it must select metadata.name=${host}`
  }
  const refused = onlyVerbs(wanted, ['get', 'watch', ...writingOne])
  return refused ?? (name === host ? undefined : 'this is another host')
}

function ownLease({ host, wanted }: Question): string | undefined {
  const { verb, name, namespace, subresource } = wanted
  if (namespace !== hostLeaseNamespace || subresource !== '')
    return `its lease is in namespace ${hostLeaseNamespace}`
  if (verb === 'create') return undefined
  const refused = onlyVerbs(wanted, ['get', ...writingOne])
  return refused ?? (name === host ? undefined : 'this is the lease of another host')
}

function onlyVerbs({ verb }: Attributes, allowed: readonly string[]): string | undefined {
  return allowed.includes(verb) ? undefined : `it may not ${verb} these`
}

function selectedName(wanted: Attributes): string | undefined {
  return exact(wanted, 'metadata.name')
}

function selects(wanted: Attributes, field: string, value: string): boolean {
  return exact(wanted, field) === value
}

function exact({ fieldSelector }: Attributes, field: string): string | undefined {
  if (fieldSelector === undefined) return undefined
  try {
    return parseFieldSelector(fieldSelector).exact(field)
  } catch {
    // Malformed: the handler would say so to somebody who may ask.
    return undefined
  }
}
