import { z } from 'zod'
import { signingAlgorithms } from './oidc/jwt-settings.ts'
import { controllerNames, selectControllers } from '../service-accounts/controller-names.ts'

/** A flag that may be given several times; every value may hold several, separated by commas. */
const list = () =>
  z
    .union([z.string(), z.array(z.string())])
    .default([])
    .transform((given) =>
      [given]
        .flat()
        .flatMap((text) => text.split(','))
        .map((text) => text.trim())
        .filter(Boolean),
    )
const onOff = (fallback: boolean) =>
  z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]).default(fallback)
const duration = (fallback: string) =>
  z
    .string()
    .regex(/^\d+(ms|s|m|h)$/, 'must be a duration such as 10s')
    .default(fallback)

const defaultIssuer = 'https://kubernetes.default.svc.cluster.local'

/** The flags of kube-apiserver that say who is believed. */
export const authenticationFlags = {
  'anonymous-auth': onOff(false),
  'api-audiences': list(),
  'authentication-config': z.string().optional(),
  'authentication-token-webhook-config-file': z.string().optional(),
  'authentication-token-webhook-cache-ttl': duration('2m'),
  'authentication-token-webhook-version': z.enum(['v1', 'v1beta1']).default('v1beta1'),
  controllers: list().transform((entries, context) => {
    const selected = selectControllers(entries.length > 0 ? entries : ['*'])
    if (!('unknown' in selected)) return selected
    context.addIssue(
      `there is no controller ${JSON.stringify(selected.unknown)}: take some of ${controllerNames.join(', ')}`,
    )
    return z.NEVER
  }),
  'enable-bootstrap-token-auth': onOff(true),
  'oidc-issuer-url': z.url({ protocol: /^https$/, error: 'must be an https URL' }).optional(),
  'oidc-client-id': z.string().optional(),
  'oidc-username-claim': z.string().default('sub'),
  'oidc-username-prefix': z.string().optional(),
  'oidc-groups-claim': z.string().optional(),
  'oidc-groups-prefix': z.string().default(''),
  'oidc-required-claim': list().refine(
    (pairs) => pairs.every((pair) => /^[^=]+=./.test(pair)),
    'must be claim=value',
  ),
  'oidc-ca-file': z.string().optional(),
  'oidc-signing-algs': list()
    .transform((given) => (given.length > 0 ? given : ['RS256']))
    .pipe(z.array(z.enum(signingAlgorithms))),
  'root-ca-file': z.string().optional(),
  'service-account-issuer': list().transform((issuers) => (issuers.length > 0 ? issuers : [defaultIssuer])),
  'service-account-signing-key-file': z.string().optional(),
  'service-account-key-file': list(),
  'service-account-jwks-uri': z.url({ protocol: /^https$/, error: 'must be an https URL' }).optional(),
  'service-account-max-token-expiration': duration('0s'),
}

export const authenticationHelp: Readonly<Record<keyof typeof authenticationFlags, string>> = {
  'anonymous-auth': 'true lets requests without credentials through as system:anonymous',
  'api-audiences': 'names that tokens for this API are meant for; the issuers when left out',
  'authentication-config': 'file with token issuers and claim mappings; in place of the oidc flags',
  'authentication-token-webhook-config-file': 'kubeconfig of a service that knows tokens',
  'authentication-token-webhook-cache-ttl': 'how long its answers are believed',
  'authentication-token-webhook-version': 'version of the TokenReviews that it is sent',
  controllers: 'what to do in the background: * is everything, -name leaves something out',
  'enable-bootstrap-token-auth': 'false refuses bootstrap tokens of kube-system',
  'oidc-issuer-url': 'OpenID Connect provider whose ID tokens are believed',
  'oidc-client-id': 'the client that its tokens have to be made for',
  'oidc-username-claim': 'claim that is the user name',
  'oidc-username-prefix': 'put before user names; - is nothing; URL and # of the provider when left out',
  'oidc-groups-claim': 'claim that holds the groups',
  'oidc-groups-prefix': 'put before groups',
  'oidc-required-claim': 'claim=value that tokens have to carry; may be repeated',
  'oidc-ca-file': 'authority of the provider, PEM',
  'oidc-signing-algs': 'signatures that are taken',
  'root-ca-file':
    'authority to publish in every namespace, PEM; the one of the serving certificate when left out',
  'service-account-issuer': 'name in service-account tokens; further ones are believed, not used',
  'service-account-signing-key-file':
    'key that signs service-account tokens, PEM; one in cert-dir when left out',
  'service-account-key-file': 'further keys whose service-account tokens are believed, PEM; may be repeated',
  'service-account-jwks-uri': 'where others find the public keys, when not at this server',
  'service-account-max-token-expiration': 'longest life of a service-account token; 0s is no limit',
}

/** Flags that may stand on the command line more than once. */
export const repeatableFlags: ReadonlySet<string> = new Set([
  'api-audiences',
  'controllers',
  'oidc-required-claim',
  'oidc-signing-algs',
  'service-account-issuer',
  'service-account-key-file',
])

/** Flags that may stand there without a value. */
export const switchFlags: ReadonlySet<string> = new Set(['anonymous-auth', 'enable-bootstrap-token-auth'])
