import { readFile } from 'node:fs/promises'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { Authenticate } from '../filters/authentication.ts'
import type { LocalApi } from '../handlers/local-api.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import type { ControllerName } from '../service-accounts/controller-names.ts'
import { loadServiceAccountKeys } from '../service-accounts/signing-keys.ts'
import { serviceAccounts, type ServiceAccounts } from '../service-accounts/service-accounts.ts'
import { anonymousAuthenticator } from './anonymous.ts'
import { firstOf, type Authenticator } from './authenticator.ts'
import { bearerTokenAuthenticator } from './bearer-token.ts'
import { startBootstrapTokenCleaner } from './bootstrap-token-cleaner.ts'
import { bootstrapTokens } from './bootstrap-tokens.ts'
import { clientCertificateAuthenticator } from './client-certificate.ts'
import { expiredNodeAuthenticator, type ExpiredNodeOptions } from './expired-node-certificate.ts'
import { anyOfTokens, type TokenAuthenticator } from './token-authenticator.ts'
import { fileTokens } from './token-file.ts'
import { loadTokenSources, tokensOfOthers, type TokenSourceOptions } from './token-sources.ts'

export interface AuthenticationOptions extends TokenSourceOptions {
  readonly certDir: string
  readonly controllers: ReadonlySet<ControllerName>
  readonly enableBootstrapTokenAuth: boolean
  readonly apiAudiences: readonly string[]
  readonly serviceAccountSigningKeyFile?: string | undefined
  readonly serviceAccountKeyFile: readonly string[]
  readonly serviceAccountJwksUri?: string | undefined
  /** Milliseconds; 0 is no limit. */
  readonly serviceAccountMaxTokenMs: number
  readonly rootCaFile?: string | undefined
  /** Left out: an expired certificate is no certificate, whoever shows it. */
  readonly expiredNodes?: Omit<ExpiredNodeOptions, 'clock'>
}

export interface AuthenticationDeps {
  readonly objects: ObjectStore
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Everything that tells who somebody is. */
export interface Authentication {
  readonly authenticate: Authenticate
  /** Bearer tokens alone, for reviews of them. */
  readonly tokens: TokenAuthenticator
  /** What tokens for this API are meant for. */
  readonly apiAudiences: readonly string[]
  readonly serviceAccounts: ServiceAccounts
  /** Starts what keeps accounts and tokens in order in the background. */
  start(local: LocalApi): Promise<void>
}

/**
 * Reads the keys and files that the options name; what is returned completes the set-up when there are objects to
 * look things up in. `url` is where this server is reached, known once it listens; `authority` is what its certificate
 * is checked with.
 */
export async function configureAuthentication(
  options: AuthenticationOptions,
  { url, authority }: { url: () => string; authority: string },
): Promise<(deps: AuthenticationDeps) => Promise<Authentication>> {
  const { serviceAccountIssuer: issuers } = options
  const apiAudiences = options.apiAudiences.length > 0 ? options.apiAudiences : issuers
  const keys = await loadServiceAccountKeys({
    signingKeyFile: options.serviceAccountSigningKeyFile,
    keyFiles: options.serviceAccountKeyFile,
    directory: options.certDir,
  })
  const rootAuthority =
    options.rootCaFile === undefined ? authority : await readFile(options.rootCaFile, 'utf8')
  const sources = await loadTokenSources(options)
  return async (deps) => {
    const accounts = await serviceAccounts(
      {
        keys,
        issuers,
        apiAudiences,
        maxTokenSeconds: Math.floor(options.serviceAccountMaxTokenMs / 1000),
        rootAuthority,
        jwksUri: () => options.serviceAccountJwksUri ?? `${url()}/openid/v1/jwks`,
      },
      deps,
    )
    const tokens = anyOfTokens([
      fileTokens(sources.fileUsers, apiAudiences),
      accounts.tokens,
      ...(options.enableBootstrapTokenAuth ? [bootstrapTokens({ ...deps, apiAudiences })] : []),
      ...tokensOfOthers(sources, { ...deps, apiAudiences, ownIssuers: issuers }),
    ])
    const authenticators: Authenticator[] = [
      clientCertificateAuthenticator(deps.clock),
      ...(options.expiredNodes
        ? [expiredNodeAuthenticator({ ...options.expiredNodes, clock: deps.clock })]
        : []),
      bearerTokenAuthenticator(tokens, { apiAudiences, log: deps.log }),
      ...(sources.anonymous ? [anonymousAuthenticator(sources.anonymous.paths)] : []),
    ]
    return {
      authenticate: firstOf(authenticators),
      tokens,
      apiAudiences,
      serviceAccounts: accounts,
      async start(local) {
        await accounts.start(local, options.controllers)
        if (options.controllers.has('token-cleaner-controller')) await startBootstrapTokenCleaner(deps)
      },
    }
  }
}
