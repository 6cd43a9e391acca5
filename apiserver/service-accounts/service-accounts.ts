import type { TokenAuthenticator } from '../authentication/token-authenticator.ts'
import type { ActionHandler } from '../handlers/dispatch.ts'
import type { HandlerServices } from '../handlers/services.ts'
import type { LocalApi } from '../handlers/local-api.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { accountTokens } from './account-tokens.ts'
import { issuerDocuments, type IssuerDocuments } from './issuer-documents.ts'
import type { ControllerName } from './controller-names.ts'
import { defaultAccounts } from './default-account.ts'
import { legacyUseRecorder } from './legacy-use.ts'
import type { ControllerDeps } from './namespace-content.ts'
import { RootAuthorities } from './root-authorities.ts'
import { SecretTokens } from './secret-tokens.ts'
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
  /** What certificates of the API server are checked with, PEM. */
  readonly rootAuthority: string
  /** Where the public keys are served. */
  readonly jwksUri: () => string
}

export interface ServiceAccounts {
  readonly issuer: TokenIssuer
  readonly tokens: TokenAuthenticator
  readonly documents: IssuerDocuments
  /** Starts what fills namespaces and Secrets in the background. */
  start(local: LocalApi, controllers: ReadonlySet<ControllerName>): Promise<void>
  /** What can be posted to an account. */
  actions(services: HandlerServices): Readonly<Record<string, ActionHandler>>
}

/** Issues and checks the tokens of service accounts. */
export async function serviceAccounts(
  settings: ServiceAccountSettings,
  deps: Omit<ControllerDeps, 'local'>,
): Promise<ServiceAccounts> {
  const { keys, issuers, apiAudiences, maxTokenSeconds, jwksUri, rootAuthority } = settings
  const { objects, clock, signal } = deps
  const [ownIssuer = ''] = issuers
  const issuer = new TokenIssuer(ownIssuer, keys.signing)
  const lookup = storedAccounts(objects, signal)
  const signed = new SignedTokens([...issuers, legacyIssuer], keys.verifying)
  const requests = { issuer, lookup, apiAudiences, maxSeconds: maxTokenSeconds, clock }
  let noteUse: (secret: KubeObject) => void = () => {}
  return {
    issuer,
    tokens: accountTokens({ signed, lookup, apiAudiences, clock, onLegacyUse: (secret) => noteUse(secret) }),
    documents: await issuerDocuments(ownIssuer, keys.verifying, jwksUri),
    async start(local, wanted) {
      const controllers = { ...deps, local }
      noteUse = legacyUseRecorder(controllers)
      const authorities = new RootAuthorities(controllers, rootAuthority)
      if (wanted.has('serviceaccount-controller')) await defaultAccounts(controllers).start()
      if (wanted.has('root-ca-certificate-publisher-controller')) await authorities.start()
      if (wanted.has('serviceaccount-token-controller')) {
        await new SecretTokens({ ...controllers, issuer, lookup, authorities }).start()
      }
    },
    actions: ({ admission }) => ({
      'serviceaccounts/token': (target, context) => requestToken({ ...requests, admission }, target, context),
    }),
  }
}
