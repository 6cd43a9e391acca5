import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { StatusError } from '../../apimachinery/status-error.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../admission/admission.ts'
import type { Authorizer } from '../authorization/authorizer.ts'
import { mastersGroup } from '../authentication/authenticator.ts'
import { at, textAt } from '../registry/kube-object.ts'
import { requestState } from './signing/request-state.ts'
import { apiClientSigner } from './signing/signers.ts'
import { parseSigningRequest, SigningRequestError } from './signing/signing-request.ts'

/**
 * Writing `/approval` needs the verb `approve` on the signer, and writing the certificate into `/status` the verb
 * `sign`: resource `signers` of `certificates.k8s.io`, by the signer's name or by its domain as `example.com/*`.
 */
export function signerPermissions({ authorizer }: { authorizer: Authorizer }): AdmissionPlugin {
  return {
    name: 'CertificateSigners',
    handles: ({ definition, user }) =>
      user !== undefined &&
      definition.plural === 'certificatesigningrequests' &&
      definition.group === 'certificates.k8s.io',
    async validate(request) {
      if (request.operation === 'CREATE') return checkSubject(request)
      if (request.operation !== 'UPDATE') return
      if (request.subresource === 'approval') await checkVerb(request, 'approve', authorizer)
      if (request.subresource === 'status' && signs(request)) await checkVerb(request, 'sign', authorizer)
    },
  }
}

function signs({ object, current }: AdmissionRequest): boolean {
  const changes = (field: string) => !jsonEqual(at(object, 'status', field), at(current, 'status', field))
  return changes('certificate') || changes('conditions')
}

async function checkVerb(
  { current, user, signal, name }: AdmissionRequest,
  verb: 'approve' | 'sign',
  authorizer: Authorizer,
): Promise<void> {
  if (user === undefined) return
  const signer = textAt(current, 'spec', 'signerName')
  for (const signers of [signer, `${signer.slice(0, signer.indexOf('/'))}/*`]) {
    const wanted = {
      user,
      isResource: true,
      verb,
      group: 'certificates.k8s.io',
      version: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      name: signers,
      path: '',
    }
    if ((await authorizer.authorize(wanted, signal)).allowed) return
  }
  throw refused(name, `user not permitted to ${verb} requests with signerName ${JSON.stringify(signer)}`)
}

/** Nobody gets a certificate for the group that no role limits, whoever approves it. */
function checkSubject({ object, name }: AdmissionRequest): void {
  if (object === undefined) return
  const { signer, pem } = requestState(object)
  if (signer !== apiClientSigner || !organizationsOf(pem).includes(mastersGroup)) return
  throw refused(name, `use of ${apiClientSigner} signer with ${mastersGroup} group is not allowed`)
}

function organizationsOf(pem: string): readonly string[] {
  try {
    return parseSigningRequest(pem).organizations
  } catch (error) {
    if (error instanceof SigningRequestError) return []
    throw error
  }
}

function refused(name: string, why: string): StatusError {
  const details = { name, group: 'certificates.k8s.io', kind: 'certificatesigningrequests' }
  const text = `certificatesigningrequests.certificates.k8s.io ${JSON.stringify(name)} is forbidden: ${why}`
  return new StatusError('Forbidden', text, { details })
}
