import { nodesGroup, nodeUserPrefix } from '../../authorization/node-identity.ts'
import type { ParsedRequest } from './signing-request.ts'

export const apiClientSigner = 'kubernetes.io/kube-apiserver-client'
export const nodeClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet'
export const nodeServingSigner = 'kubernetes.io/kubelet-serving'

/** What a signer signs: undefined for a request that it does, else why not. */
type Rule = (request: ParsedRequest, usages: readonly string[]) => string | undefined

const rules: Readonly<Record<string, Rule>> = {
  [apiClientSigner]: (_request, usages) =>
    usagesProblem(usages, { needed: ['client auth'], allowed: ['digital signature', 'key encipherment'] }),

  [nodeClientSigner]: (request, usages) =>
    nodeSubjectProblem(request) ??
    alternativeNamesProblem(request, { hosts: false }) ??
    usagesProblem(usages, { needed: ['digital signature', 'client auth'], allowed: ['key encipherment'] }),

  [nodeServingSigner]: (request, usages) =>
    nodeSubjectProblem(request) ??
    alternativeNamesProblem(request, { hosts: true }) ??
    usagesProblem(usages, { needed: ['digital signature', 'server auth'], allowed: ['key encipherment'] }),
}

/** Whether requests to `signer` are signed here. */
export function isOwnSigner(signer: string): boolean {
  return signer in rules
}

/** Why `signer` does not sign the request; undefined when it does. */
export function signerProblem(
  signer: string,
  request: ParsedRequest,
  usages: readonly string[],
): string | undefined {
  const rule = rules[signer]
  return rule ? rule(request, usages) : `requests to ${signer} are not signed here`
}

/** The host of a node's subject, such as `system:node:host-1` in `system:nodes`; undefined for other subjects. */
export function nodeOfSubject(
  request: Pick<ParsedRequest, 'commonName' | 'organizations'>,
): string | undefined {
  if (nodeSubjectProblem(request) !== undefined) return undefined
  return request.commonName.slice(nodeUserPrefix.length)
}

function nodeSubjectProblem({
  commonName,
  organizations,
}: Pick<ParsedRequest, 'commonName' | 'organizations'>): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== nodesGroup)
    return `subject organization is not ${nodesGroup}`
  if (!commonName.startsWith(nodeUserPrefix) || commonName === nodeUserPrefix)
    return `subject common name does not begin with ${nodeUserPrefix}`
  return undefined
}

function alternativeNamesProblem(
  { dnsNames, ipAddresses, emails, uris }: ParsedRequest,
  { hosts }: { hosts: boolean },
): string | undefined {
  if (emails.length > 0) return 'email subjectAltNames are not allowed'
  if (uris.length > 0) return 'URI subjectAltNames are not allowed'
  if (!hosts && dnsNames.length > 0) return 'DNS subjectAltNames are not allowed'
  if (!hosts && ipAddresses.length > 0) return 'IP subjectAltNames are not allowed'
  if (hosts && dnsNames.length + ipAddresses.length === 0)
    return 'at least one DNS or IP subjectAltName is required'
  return undefined
}

function usagesProblem(
  usages: readonly string[],
  { needed, allowed }: { needed: readonly string[]; allowed: readonly string[] },
): string | undefined {
  const missing = needed.filter((usage) => !usages.includes(usage))
  if (missing.length > 0) return `usages did not include ${missing.join(', ')}`
  const surplus = usages.filter((usage) => !needed.includes(usage) && !allowed.includes(usage))
  return surplus.length > 0 ? `usages may not include ${surplus.join(', ')}` : undefined
}
