import { timestamp, type Clock } from '../../apimachinery/clock.ts'
import { badRequest, conflict, invalid, notFound } from '../../apimachinery/status-error.ts'
import type { Admission } from '../admission/admission.ts'
import { readObject } from '../handlers/incoming.ts'
import { parseWriteOptions, type WriteOptions } from '../handlers/query-options.ts'
import { authorOf, type Target } from '../handlers/services.ts'
import { objectReply, type Reply, type RequestContext } from '../http/exchange.ts'
import { invalidValue, type FieldError } from '../registry/field-errors.ts'
import { at, objectAt, stringsAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import type { AccountLookup } from './stored-accounts.ts'
import type { ObjectId, TokenIssuer } from './token-issuer.ts'
import { tokenRequests } from './token-request-kind.ts'

export interface TokenRequestDeps {
  readonly issuer: TokenIssuer
  readonly lookup: AccountLookup
  /** For whom a token is meant when the request does not say. */
  readonly apiAudiences: readonly string[]
  /** Longer ones are shortened; 0 is no limit. */
  readonly maxSeconds: number
  readonly clock: Clock
  readonly admission: Admission
}

const minSeconds = 600
const maxSecondsEver = 2 ** 32

/** POST `serviceaccounts/<name>/token`: a new token of the account. */
export async function requestToken(
  deps: TokenRequestDeps,
  target: Target,
  context: RequestContext,
): Promise<Reply> {
  const { namespace, name } = target
  const options = parseWriteOptions(context, 'CreateOptions')
  const { status: _, ...request } = await readObject(tokenRequests, context, options.fieldValidation)
  refuse(name, placeErrors(request, { namespace, name }))
  const account = await deps.lookup.account(namespace, name)
  if (!account) throw notFound({ group: '', resource: 'serviceaccounts' }, name)
  refuse('', [...tokenRequests.schema.validate(request, undefined), ...expiryErrors(request)])
  await admit(deps, target, context, { request, options })
  const secret = await boundSecret(deps, request, namespace)
  const askedAudiences = stringsAt(request, 'spec', 'audiences')
  const audiences = askedAudiences.length > 0 ? askedAudiences : [...deps.apiAudiences]
  const seconds = shortened(Number(at(request, 'spec', 'expirationSeconds')), deps.maxSeconds, context)
  const issuedAt = Math.floor(deps.clock.now() / 1000)
  const expiresAt = issuedAt + seconds
  const uid = account.metadata.uid ?? ''
  const { token, id } = await deps.issuer.issue({
    account: { namespace, name, uid },
    audiences,
    issuedAt,
    expiresAt,
    secret,
  })
  context.annotations.set('authentication.kubernetes.io/issued-credential-id', `JTI=${id}`)
  return objectReply(
    {
      ...request,
      metadata: { ...request.metadata, name, namespace, creationTimestamp: timestamp(deps.clock) },
      spec: { ...objectAt(request, 'spec'), audiences, expirationSeconds: seconds },
      status: { token, expirationTimestamp: timestamp({ now: () => expiresAt * 1000 }) },
    },
    201,
  )
}

function refuse(name: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(tokenRequests, name, errors)
}

/** Asks plugins whether this caller may have such a token. */
async function admit(
  { admission }: TokenRequestDeps,
  { definition, namespace, name }: Target,
  context: RequestContext,
  { request, options }: { request: KubeObject; options: WriteOptions },
): Promise<void> {
  const { user, signal, warnings, annotations } = context
  await admission.validate({
    operation: 'CREATE',
    definition,
    namespace,
    name,
    subresource: 'token',
    object: request,
    current: undefined,
    user,
    dryRun: options.dryRun,
    options: authorOf(context, options).options ?? {},
    signal,
    warnings,
    annotations,
  })
}

function placeErrors({ metadata }: KubeObject, place: { namespace: string; name: string }): FieldError[] {
  return (['name', 'namespace'] as const)
    .filter((part) => metadata[part] && metadata[part] !== place[part])
    .map((part) =>
      invalidValue(`metadata.${part}`, metadata[part], `must match the service account ${part} if specified`),
    )
}

function expiryErrors(request: KubeObject): FieldError[] {
  const field = 'spec.expirationSeconds'
  const seconds = at(request, 'spec', 'expirationSeconds')
  if (typeof seconds !== 'number') return []
  if (seconds < minSeconds) {
    return [invalidValue(field, seconds, 'may not specify a duration less than 10 minutes')]
  }
  if (seconds > maxSecondsEver) {
    return [invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds')]
  }
  return []
}

function shortened(asked: number, max: number, { warnings }: RequestContext): number {
  if (max === 0 || asked <= max) return asked
  warnings.push(`requested expiration of ${asked} seconds shortened to ${max} seconds`)
  return max
}

async function boundSecret(
  { lookup }: TokenRequestDeps,
  request: KubeObject,
  namespace: string,
): Promise<ObjectId | undefined> {
  const ref = at(request, 'spec', 'boundObjectRef')
  if (ref === undefined) return undefined
  const apiVersion = textAt(ref, 'apiVersion')
  const kind = textAt(ref, 'kind')
  const name = textAt(ref, 'name')
  if (apiVersion !== 'v1' || kind !== 'Secret') {
    throw badRequest(`cannot bind token to object of type ${apiVersion}, Kind=${kind}`)
  }
  const secret = await lookup.secret(namespace, name)
  if (!secret) throw notFound({ group: '', resource: 'secrets' }, name)
  const uid = secret.metadata.uid ?? ''
  const wanted = textAt(ref, 'uid')
  if (wanted !== '' && wanted !== uid) {
    throw conflict(
      { group: '', resource: kind },
      name,
      `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have ` +
        'been deleted and then recreated',
    )
  }
  return { name, uid }
}
