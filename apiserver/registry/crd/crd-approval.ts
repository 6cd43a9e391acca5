import type { KubeObject } from '../kube-object.ts'

/** The annotation that says who approved a kind in a group of the Kubernetes project. */
export const approvalAnnotation = 'api-approved.kubernetes.io'

export interface Approval {
  readonly state: 'approved' | 'bypassed' | 'invalid' | 'missing'
  /** For people. */
  readonly reason: string
}

/** Groups that belong to the Kubernetes project. */
export function isProtectedGroup(group: string): boolean {
  return /(^|\.)(k8s|kubernetes)\.io$/.test(group)
}

const seeText = 'see https://github.com/kubernetes/enhancements/pull/1111'

export function approvalOf({ metadata }: KubeObject): Approval {
  const value = metadata.annotations?.[approvalAnnotation] ?? ''
  const required = `protected groups must have approval annotation ${JSON.stringify(approvalAnnotation)}`
  if (value === '') return { state: 'missing', reason: `${required}, ${seeText}` }
  if (value.startsWith('unapproved')) {
    return { state: 'bypassed', reason: `not approved: ${JSON.stringify(value)}` }
  }
  if (URL.canParse(value) && new URL(value).host !== '') {
    return { state: 'approved', reason: `approved in ${value}` }
  }
  return {
    state: 'invalid',
    reason: `${required} with either a URL or a reason starting with "unapproved", ${seeText}`,
  }
}
