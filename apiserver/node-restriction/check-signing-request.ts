import { nodeUserPrefix, recoveringNodeOf } from '../authorization/node-identity.ts'
import { nodeClientSigner, nodeOfSubject, nodeServingSigner } from '../certificates/signing/signers.ts'
import { parseSigningRequest, SigningRequestError } from '../certificates/signing/signing-request.ts'
import { textAt } from '../registry/kube-object.ts'
import type { NodeWrite } from './node-restriction.ts'
import { refusal } from './refusal.ts'

/** A daemon asks for certificates of its own name, from the signers of nodes. */
export function checkSigningRequest({ host, request }: NodeWrite): void {
  const { operation, object, user } = request
  if (operation !== 'CREATE' || object === undefined)
    throw refusal(request, 'a daemon may neither change nor delete signing requests')
  const signer = textAt(object, 'spec', 'signerName')
  const recovering = user !== undefined && recoveringNodeOf(user) !== undefined
  const mayAsk = signer === nodeClientSigner || (signer === nodeServingSigner && !recovering)
  if (!mayAsk) throw refusal(request, `a daemon may not ask the signer ${JSON.stringify(signer)}`)
  const subject = subjectOf(textAt(object, 'spec', 'request'))
  if (subject !== host) {
    throw refusal(request, `host ${host} may only ask for certificates of the name ${nodeUserPrefix}${host}`)
  }
}

/** Undefined when the subject is not a node's, or the request none: validation says what is wrong with it then. */
function subjectOf(request: string): string | undefined {
  try {
    return nodeOfSubject(parseSigningRequest(Buffer.from(request, 'base64').toString('latin1')))
  } catch (error) {
    if (error instanceof SigningRequestError) return undefined
    throw error
  }
}
