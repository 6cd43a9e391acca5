import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { goQuote } from '../../apimachinery/selectors/go-quote.ts'
import { notFound, StatusError } from '../../apimachinery/status-error.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../admission/admission.ts'
import { mastersGroup } from '../authentication/authenticator.ts'
import type { UserInfo } from '../http/exchange.ts'
import { clusterRoles, roles } from '../registry/builtin/identity.ts'
import { at, objectsAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { keyOf } from '../registry/resource-definition.ts'
import { everything, type Authorizer } from './authorizer.ts'
import { ruleOf, type Rule } from './rbac-rules.ts'
import { describeRules, missingRights, quoteList } from './rule-cover.ts'

export interface EscalationDeps {
  readonly authorizer: Authorizer
  readonly objects: ObjectStore
}

/** A write by somebody who is not above the check. */
interface CheckedWrite {
  readonly request: AdmissionRequest
  readonly user: UserInfo
  readonly object: KubeObject
}

const rbacGroup = 'rbac.authorization.k8s.io'
const roleResources = new Set(['roles', 'clusterroles'])
const bindingResources = new Set(['rolebindings', 'clusterrolebindings'])

/**
 * Nobody grants more than they have: a role may hold only what its writer holds, a binding only roles of which that
 * is true, unless the writer has the verb `escalate` on roles or `bind` on the role.
 */
export function escalationCheck(deps: EscalationDeps): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    handles: ({ definition, operation, subresource }) =>
      definition.group === rbacGroup && operation !== 'DELETE' && subresource === '',
    async validate(request) {
      const { user, object, current, definition } = request
      // The server itself, and those who have everything anyway.
      if (!user || !object || user.groups.includes(mastersGroup)) return
      if (current && changesOnlyLifecycle(object, current)) return
      const write = { request, user, object }
      if (roleResources.has(definition.plural)) await checkRole(deps, write)
      else if (bindingResources.has(definition.plural)) await checkBinding(deps, write)
    },
  }
}

async function checkRole(deps: EscalationDeps, write: CheckedWrite): Promise<void> {
  const { request, object } = write
  const { definition, current } = request
  const mayEscalate = { verb: 'escalate', resource: definition.plural, name: current ? request.name : '' }
  if (await isAllowed(deps, write, mayEscalate)) return
  const rules = objectsAt(object, 'rules').map(ruleOf)
  await confirmHeld(deps, write, rules)
  const aggregates = [object, current].some((one) => at(one, 'aggregationRule') !== undefined)
  if (aggregates && (await rightsMissing(deps, write, everything)).length > 0) {
    throw refusal(write, 'must have cluster-admin privileges to use the aggregationRule')
  }
}

async function checkBinding(deps: EscalationDeps, write: CheckedWrite): Promise<void> {
  const name = textAt(write.object, 'roleRef', 'name')
  const definition = textAt(write.object, 'roleRef', 'kind') === 'Role' ? roles : clusterRoles
  if (await isAllowed(deps, write, { verb: 'bind', resource: definition.plural, name })) return
  const key = keyOf(definition, write.request.namespace, name)
  const role = await deps.objects.read(definition, key, undefined, write.request.signal)
  if (!role) throw notFound({ group: rbacGroup, resource: definition.plural }, name)
  await confirmHeld(deps, write, objectsAt(role.object, 'rules').map(ruleOf))
}

async function isAllowed(
  { authorizer }: EscalationDeps,
  { request, user }: CheckedWrite,
  wanted: { verb: string; resource: string; name: string },
): Promise<boolean> {
  const attributes = {
    ...wanted,
    user,
    isResource: true,
    group: rbacGroup,
    version: '*',
    subresource: '',
    namespace: request.namespace,
    path: '',
  }
  return (await authorizer.authorize(attributes, request.signal)).allowed
}

async function confirmHeld(deps: EscalationDeps, write: CheckedWrite, rules: readonly Rule[]): Promise<void> {
  const missing = await rightsMissing(deps, write, rules)
  if (missing.length === 0) return
  const { name, groups } = write.user
  throw refusal(
    write,
    `user ${goQuote(name)} (groups=${quoteList(groups)}) is attempting to grant RBAC permissions not currently ` +
      `held:\n${describeRules(missing).join('\n')}`,
  )
}

async function rightsMissing(
  { authorizer }: EscalationDeps,
  { request, user }: CheckedWrite,
  rules: readonly Rule[],
): Promise<Rule[]> {
  const held = await authorizer.rulesFor(user, request.namespace)
  return missingRights(held.rules, rules)
}

function refusal({ request, object }: CheckedWrite, why: string): StatusError {
  const { group, plural } = request.definition
  const { name = '' } = object.metadata
  const subject = name === '' ? `${plural}.${group}` : `${plural}.${group} ${goQuote(name)}`
  const details = { ...(name && { name }), group, kind: plural }
  return new StatusError('Forbidden', `${subject} is forbidden: ${why}`, { details })
}

/** The garbage collector and finalizers may do their work on roles that hold more than they do. */
function changesOnlyLifecycle(next: KubeObject, current: KubeObject): boolean {
  const comparable = ({ metadata, ...rest }: KubeObject) => {
    const { ownerReferences: _o, finalizers: _f, managedFields: _m, resourceVersion: _v, ...kept } = metadata
    return { ...rest, metadata: kept }
  }
  return jsonEqual(comparable(next), comparable(current))
}
