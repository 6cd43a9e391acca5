import { readFile } from 'node:fs/promises'
import type { UserInfo } from '../http/exchange.ts'
import { UsageError } from '../options.ts'
import { WebhookClient } from '../webhook/webhook-client.ts'
import { endpointFromKubeconfig, type WebhookEndpoint } from '../webhook/webhook-endpoint.ts'
import type { AuthenticationDeps } from './authentication.ts'
import {
  parseAuthenticationConfiguration,
  type AuthenticationConfiguration,
} from './authentication-configuration.ts'
import { SettingError } from './oidc/claim-values.ts'
import type { JwtSettings } from './oidc/jwt-settings.ts'
import { jwtTokens } from './oidc/jwt-tokens.ts'
import { settingsOfFlags, type OidcFlags } from './oidc/oidc-flags.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'
import { cachedTokens } from './token-cache.ts'
import { parseTokenFile } from './token-file.ts'
import { reloadedTokens } from './reloaded-tokens.ts'
import { webhookTokens } from './webhook-tokens.ts'

export interface TokenSourceOptions extends OidcFlags {
  readonly tokenAuthFile?: string | undefined
  readonly authenticationConfig?: string | undefined
  readonly anonymousAuth: boolean
  readonly oidcCaFile?: string | undefined
  readonly authenticationTokenWebhookConfigFile?: string | undefined
  readonly authenticationTokenWebhookVersion: string
  readonly authenticationTokenWebhookCacheMs: number
  readonly serviceAccountIssuer: readonly string[]
}

/** What the files behind the options say about tokens that others have made. */
export interface TokenSources {
  /** By fingerprint. */
  readonly fileUsers: ReadonlyMap<string, UserInfo>
  readonly jwt: readonly JwtSettings[]
  /** Where `jwt` comes from and may change. */
  readonly file: { readonly path: string; readonly source: string } | undefined
  readonly webhook:
    { readonly endpoint: WebhookEndpoint; readonly version: string; readonly cacheMs: number } | undefined
  /** Undefined: nobody is let in without credentials. Without paths: everywhere. */
  readonly anonymous: { readonly paths: readonly string[] } | undefined
}

/** Reads the files that the options name. Throws UsageError for options that contradict each other or are wrong. */
export async function loadTokenSources(options: TokenSourceOptions): Promise<TokenSources> {
  const { tokenAuthFile, authenticationTokenWebhookConfigFile: webhookFile } = options
  const file = await readFileOfConfiguration(options)
  const configuration = file && parsed(file.path, file.source)
  const jwt = configuration?.jwt ?? (await jwtOfFlags(options))
  refuseOwnIssuers(jwt, options.serviceAccountIssuer)
  return {
    fileUsers:
      tokenAuthFile === undefined ? new Map() : parseTokenFile(await readFile(tokenAuthFile, 'utf8')),
    jwt,
    file,
    webhook:
      webhookFile === undefined
        ? undefined
        : {
            endpoint: endpointFromKubeconfig(webhookFile),
            version: options.authenticationTokenWebhookVersion,
            cacheMs: options.authenticationTokenWebhookCacheMs,
          },
    anonymous: anonymousOf(options, configuration),
  }
}

async function readFileOfConfiguration({
  authenticationConfig: path,
  oidcIssuerUrl,
  oidcClientId,
}: TokenSourceOptions): Promise<TokenSources['file']> {
  if (path === undefined) return undefined
  if (oidcIssuerUrl !== undefined || oidcClientId !== undefined) {
    throw new UsageError('--authentication-config: the file and the --oidc flags are mutually exclusive')
  }
  return { path, source: await readFile(path, 'utf8') }
}

function parsed(path: string, source: string): AuthenticationConfiguration {
  try {
    return parseAuthenticationConfiguration(source)
  } catch (error) {
    throw new UsageError(`--authentication-config: ${path}: ${(error as Error).message}`)
  }
}

function refuseOwnIssuers(jwt: readonly JwtSettings[], own: readonly string[]): void {
  for (const { issuer } of jwt) {
    if (!own.includes(issuer.url)) continue
    throw new UsageError(`${issuer.url} issues service-account tokens and cannot be a provider as well`)
  }
}

async function jwtOfFlags(options: TokenSourceOptions): Promise<JwtSettings[]> {
  const { oidcIssuerUrl, oidcClientId, oidcCaFile } = options
  if ((oidcIssuerUrl === undefined) !== (oidcClientId === undefined)) {
    throw new UsageError('--oidc-issuer-url and --oidc-client-id go together')
  }
  const authority = oidcCaFile === undefined ? undefined : await readFile(oidcCaFile, 'utf8')
  const settings = settingsOfFlags(options, authority)
  return settings ? [settings] : []
}

function anonymousOf(
  { anonymousAuth }: TokenSourceOptions,
  configuration: AuthenticationConfiguration | undefined,
): TokenSources['anonymous'] {
  const configured = configuration?.anonymous
  if (!configured) return anonymousAuth ? { paths: [] } : undefined
  if (anonymousAuth) {
    throw new UsageError(
      '--anonymous-auth: the flag and anonymous in --authentication-config are mutually exclusive',
    )
  }
  return configured.enabled ? { paths: configured.paths } : undefined
}

/** How long a provider's token is believed without another look at it. */
const jwtCacheMs = 10_000

export interface TokensOfOthersDeps extends AuthenticationDeps {
  readonly apiAudiences: readonly string[]
  /** Names that only this server's own tokens carry. */
  readonly ownIssuers: readonly string[]
}

/** Starts what checks such tokens. Throws UsageError for expressions that do not compile. */
export function tokensOfOthers(sources: TokenSources, deps: TokensOfOthersDeps): TokenAuthenticator[] {
  const { file, jwt, webhook } = sources
  const providers = file ? [tokensByFile(file, deps)] : providersOf(jwt, deps)
  return webhook ? [...providers, tokensByWebhook(webhook, deps)] : providers
}

function tokensByFile(
  { path, source }: NonNullable<TokenSources['file']>,
  deps: TokensOfOthersDeps,
): TokenAuthenticator {
  return reloadedTokens(source, {
    ...deps,
    read: () => readFile(path, 'utf8'),
    build(text, signal) {
      const { jwt } = parsed(path, text)
      refuseOwnIssuers(jwt, deps.ownIssuers)
      return providersOf(jwt, { ...deps, signal })
    },
  })
}

function providersOf(jwt: readonly JwtSettings[], deps: TokensOfOthersDeps): TokenAuthenticator[] {
  const { clock, apiAudiences } = deps
  return jwt.map((settings) =>
    cachedTokens(jwtTokensOf(settings, apiAudiences, deps), { clock, successMs: jwtCacheMs, failureMs: 0 }),
  )
}

function tokensByWebhook(
  { endpoint, version, cacheMs }: NonNullable<TokenSources['webhook']>,
  { clock, signal, apiAudiences }: TokensOfOthersDeps,
): TokenAuthenticator {
  const client = new WebhookClient(endpoint, clock)
  signal.addEventListener('abort', () => client.close(), { once: true })
  const asked = webhookTokens({ client, version, apiAudiences, clock, signal })
  return cachedTokens(asked, { clock, successMs: cacheMs, failureMs: cacheMs })
}

function jwtTokensOf(
  settings: JwtSettings,
  apiAudiences: readonly string[],
  deps: AuthenticationDeps,
): TokenAuthenticator {
  try {
    return jwtTokens(settings, apiAudiences, deps)
  } catch (error) {
    if (!(error instanceof SettingError)) throw error
    throw new UsageError(`--authentication-config: issuer ${settings.issuer.url}: ${error.message}`)
  }
}
