import type { Clock } from '../../apimachinery/clock.ts'
import type { TokenAuthenticator } from '../authentication/token-authenticator.ts'
import type { ActionHandler } from '../handlers/dispatch.ts'
import type { HandlerServices } from '../handlers/services.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { accountTokens } from './account-tokens.ts'
import { issuerDocuments, type IssuerDocuments } from './issuer-documents.ts'
import { SignedTokens } from './signed-tokens.ts'
import type { ServiceAccountKeys } from './signing-keys.ts'
import { storedAccounts } from './stored-accounts.ts'
import { legacyIssuer, TokenIssuer } from './token-issuer.ts'
import { requestToken } from './token-request.ts'

export interface ServiceAccountSettings {
  readonly keys: ServiceAccountKeys
  /** The first signs; tokens of all are believed. */
  readonly issuers: readonly string[]
  readonly apiAudiences: readonly string[]
  /** 0: no limit. */
  readonly maxTokenSeconds: number
  /** Where the public keys are served. */
  readonly jwksUri: () => string
}

export interface ServiceAccounts {
  readonly issuer: TokenIssuer
  readonly tokens: TokenAuthenticator
  readonly documents: IssuerDocuments
  /** What can be posted to an account. */
  actions(services: HandlerServices): Readonly<Record<string, ActionHandler>>
}

/** Issues and checks the tokens of service accounts. */
export async function serviceAccounts(
  { keys, issuers, apiAudiences, maxTokenSeconds, jwksUri }: ServiceAccountSettings,
  { objects, clock, signal }: { objects: ObjectStore; clock: Clock; signal: AbortSignal },
): Promise<ServiceAccounts> {
  const [ownIssuer = ''] = issuers
  const issuer = new TokenIssuer(ownIssuer, keys.signing)
  const lookup = storedAccounts(objects, signal)
  const signed = new SignedTokens([...issuers, legacyIssuer], keys.verifying)
  const requests = { issuer, lookup, apiAudiences, maxSeconds: maxTokenSeconds, clock }
  return {
    issuer,
    tokens: accountTokens({ signed, lookup, apiAudiences, clock }),
    documents: await issuerDocuments(ownIssuer, keys.verifying, jwksUri),
    actions: ({ admission }) => ({
      'serviceaccounts/token': (target, context) => requestToken({ ...requests, admission }, target, context),
    }),
  }
}
