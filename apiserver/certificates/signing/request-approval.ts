import type { Authorizer } from '../../authorization/authorizer.ts'
import { recoveringNodeOf } from '../../authorization/node-identity.ts'
import type { HostBook } from './host-book.ts'
import type { RequestState } from './request-state.ts'
import { nodeClientSigner, nodeOfSubject, nodeServingSigner, signerProblem } from './signers.ts'
import { parseSigningRequest, SigningRequestError, type ParsedRequest } from './signing-request.ts'

export interface ApprovalDeps {
  readonly authorizer: Authorizer
  readonly hosts: HostBook
  readonly signal: AbortSignal
}

/** What is decided without a person, and why. */
export interface Verdict {
  readonly type: 'Approved' | 'Denied'
  readonly message: string
}

const approved = (message: string): Verdict => ({ type: 'Approved', message })

/** Undefined when the request waits for a person. */
export async function automaticVerdict(
  request: RequestState,
  deps: ApprovalDeps,
): Promise<Verdict | undefined> {
  const { signer, usages } = request
  if (signer !== nodeClientSigner && signer !== nodeServingSigner) return undefined
  const parsed = parsedOrNothing(request.pem)
  if (parsed === undefined || signerProblem(signer, parsed, usages) !== undefined) return undefined
  const host = nodeOfSubject(parsed)
  if (host === undefined) return undefined
  if (signer === nodeServingSigner) return await servingApproval(request, { host, parsed }, deps)
  return await clientApproval(request, { host, commonName: parsed.commonName }, deps)
}

async function clientApproval(
  { asker }: RequestState,
  { host, commonName }: { host: string; commonName: string },
  { authorizer, hosts, signal }: ApprovalDeps,
): Promise<Verdict | undefined> {
  const may = async (subresource: string) => {
    const wanted = {
      user: asker,
      isResource: true,
      verb: 'create',
      group: 'certificates.k8s.io',
      version: 'v1',
      resource: 'certificatesigningrequests',
      subresource,
      namespace: '',
      name: '',
      path: '',
    }
    return (await authorizer.authorize(wanted, signal)).allowed
  }
  if (asker.name === commonName) {
    return (await may('selfnodeclient'))
      ? approved('Auto approving self kubelet client certificate after SubjectAccessReview.')
      : undefined
  }
  if (recoveringNodeOf(asker) === host) {
    // Whoever takes a host out of the cluster deletes its Host: then there is nothing to come back to.
    return (await hosts.exists(host))
      ? approved('The host showed its expired certificate and is still registered.')
      : { type: 'Denied', message: `There is no Host ${host} any more: enrol it anew.` }
  }
  // A name whose host lives is not given away to whoever may enrol new hosts.
  if (!(await may('nodeclient')) || (await hosts.isAlive(host))) return undefined
  return approved('Auto approving kubelet client certificate after SubjectAccessReview.')
}

async function servingApproval(
  { asker }: RequestState,
  { host, parsed }: { host: string; parsed: ParsedRequest },
  { hosts }: ApprovalDeps,
): Promise<Verdict | undefined> {
  if (asker.name !== parsed.commonName) return undefined
  const own = await hosts.namesOf(host)
  const isOwn = [...parsed.dnsNames, ...parsed.ipAddresses].every((name) => own.has(name))
  return isOwn
    ? approved('The host asks for its own name and the addresses that it is registered with.')
    : undefined
}

function parsedOrNothing(pem: string): ParsedRequest | undefined {
  try {
    return parseSigningRequest(pem)
  } catch (error) {
    if (error instanceof SigningRequestError) return undefined
    throw error
  }
}
