import type { JwtSettings } from './jwt-settings.ts'

/** kube-apiserver's `--oidc-…` flags. */
export interface OidcFlags {
  readonly oidcIssuerUrl?: string | undefined
  readonly oidcClientId?: string | undefined
  readonly oidcUsernameClaim: string
  readonly oidcUsernamePrefix?: string | undefined
  readonly oidcGroupsClaim?: string | undefined
  readonly oidcGroupsPrefix: string
  /** `name=value` each. */
  readonly oidcRequiredClaim: readonly string[]
  readonly oidcSigningAlgs: readonly string[]
}

/** The provider that the flags name; undefined without one. `authority` is PEM. */
export function settingsOfFlags(flags: OidcFlags, authority: string | undefined): JwtSettings | undefined {
  const { oidcIssuerUrl: url, oidcClientId: clientId, oidcGroupsClaim: groupsClaim } = flags
  if (url === undefined || clientId === undefined) return undefined
  return {
    issuer: { url, certificateAuthority: authority, audiences: [clientId] },
    algorithms: flags.oidcSigningAlgs,
    claimRules: flags.oidcRequiredClaim.map((pair) => {
      const [claim = '', ...value] = pair.split('=')
      return { claim, value: value.join('=') }
    }),
    claims: {
      username: { claim: flags.oidcUsernameClaim, prefix: usernamePrefix(flags, url) },
      groups: groupsClaim === undefined ? undefined : { claim: groupsClaim, prefix: flags.oidcGroupsPrefix },
      extra: [],
    },
    userRules: [],
  }
}

/** Names are told apart by provider unless they are addresses, or somebody says `-` for nothing. */
function usernamePrefix({ oidcUsernamePrefix, oidcUsernameClaim }: OidcFlags, url: string): string {
  if (oidcUsernamePrefix === '-') return ''
  if (oidcUsernamePrefix !== undefined && oidcUsernamePrefix !== '') return oidcUsernamePrefix
  return oidcUsernameClaim === 'email' ? '' : `${url}#`
}
