import type { Environment } from '@marcbachmann/cel-js'
import type { JsonObject } from '../../../crds/meta/json.ts'
import { at, objectAt, textAt, type KubeObject } from '../../registry/kube-object.ts'
import { MatchConditions } from '../cel/conditions.ts'
import { admissionEnvironment } from '../cel/expressions.ts'
import { Criteria } from '../matching/criteria.ts'
import { compileVariables, type PolicyVariable } from './variables.ts'

export interface ParamKind {
  readonly apiVersion: string
  readonly kind: string
}

/** What policies of both kinds have in common, compiled. */
export interface CompiledPolicy {
  readonly name: string
  readonly failOpen: boolean
  readonly paramKind: ParamKind | undefined
  readonly criteria: Criteria
  readonly conditions: MatchConditions
  readonly variables: ReadonlyMap<string, PolicyVariable>
}

/** The common part, and the environment for the expressions that differ. Throws a StatusError for bad selectors. */
export function compilePolicy(policy: KubeObject): { common: CompiledPolicy; environment: Environment } {
  const spec = objectAt(policy, 'spec')
  const paramKind = paramKindOf(spec)
  const scope = { params: paramKind !== undefined, namespaceObject: true }
  const { variables, environment } = compileVariables(spec, () => admissionEnvironment(scope))
  const common = {
    name: policy.metadata.name ?? '',
    failOpen: textAt(spec, 'failurePolicy') === 'Ignore',
    paramKind,
    criteria: new Criteria(objectAt(spec, 'matchConstraints'), 'resourceRules'),
    conditions: new MatchConditions(spec, scope),
    variables,
  }
  return { common, environment }
}

export function paramKindOf(spec: JsonObject): ParamKind | undefined {
  if (at(spec, 'paramKind') === undefined) return undefined
  return { apiVersion: textAt(spec, 'paramKind', 'apiVersion'), kind: textAt(spec, 'paramKind', 'kind') }
}

/** A binding, which puts a policy into force. */
export interface CompiledBinding {
  readonly name: string
  readonly policyName: string
  readonly criteria: Criteria
  readonly paramRef: JsonObject | undefined
  /** Deny, Warn, Audit; empty for bindings of mutations. */
  readonly actions: readonly string[]
}

/** Throws a StatusError for bad selectors. */
export function compileBinding(binding: KubeObject): CompiledBinding {
  const spec = objectAt(binding, 'spec')
  const paramRef = at(spec, 'paramRef')
  const actions = at(spec, 'validationActions')
  return {
    name: binding.metadata.name ?? '',
    policyName: textAt(spec, 'policyName'),
    criteria: new Criteria(objectAt(spec, 'matchResources'), 'resourceRules', true),
    paramRef: paramRef === undefined ? undefined : objectAt(spec, 'paramRef'),
    actions: Array.isArray(actions) ? actions.map(String) : [],
  }
}
