import { parse } from 'yaml'
import { z } from 'zod'
import { signingAlgorithms, type ClaimSource, type JwtSettings } from './oidc/jwt-settings.ts'

/** What `--authentication-config` says. */
export interface AuthenticationConfiguration {
  readonly jwt: readonly JwtSettings[]
  /** Undefined: the flag decides. */
  readonly anonymous: { readonly enabled: boolean; readonly paths: readonly string[] } | undefined
}

const maxProviders = 64
const maxExtras = 32

const httpsUrl = z.url({ protocol: /^https$/, error: 'must be an https URL' })
const text = z.string().default('')
const filled = z.string().min(1, 'must not be empty')

const claimOrExpression = z.strictObject({
  claim: text,
  prefix: z.string().optional(),
  expression: text,
})
const claimWithPrefix = claimOrExpression
  .refine(({ claim, expression }) => (claim === '') !== (expression === ''), 'set either claim or expression')
  .refine(
    ({ claim, prefix }) => claim === '' || prefix !== undefined,
    'set prefix when claim is set; "" is none',
  )
  .refine(({ claim, prefix }) => claim !== '' || prefix === undefined, 'prefix goes with claim alone')
const claimAlone = z
  .strictObject({ claim: text, expression: text })
  .refine(({ claim, expression }) => (claim === '') !== (expression === ''), 'set either claim or expression')
const rule = z.strictObject({ expression: filled, message: text })
const claimRule = z
  .strictObject({ claim: text, requiredValue: text, expression: text, message: text })
  .refine(({ claim, expression }) => (claim === '') !== (expression === ''), 'set either claim or expression')
  .refine(({ claim, message }) => claim === '' || message === '', 'message goes with expression alone')
const extraKey = filled.regex(
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[a-z0-9._~!$&'()*+,;=:@%/-]+$/,
  'must be a lower-case path that begins with a domain, such as example.org/role',
)

const issuer = z
  .strictObject({
    url: httpsUrl,
    discoveryURL: httpsUrl.optional(),
    certificateAuthority: text,
    audiences: z.array(filled).min(1, 'at least one is needed'),
    audienceMatchPolicy: z.enum(['', 'MatchAny']).default(''),
  })
  .refine(
    ({ audiences, audienceMatchPolicy }) => audiences.length === 1 || audienceMatchPolicy === 'MatchAny',
    { path: ['audienceMatchPolicy'], error: 'must be MatchAny for several audiences' },
  )
  .refine(({ url, discoveryURL }) => url !== discoveryURL, {
    path: ['discoveryURL'],
    error: 'must be different from url',
  })

const providerShape = z.strictObject({
  issuer,
  claimValidationRules: z.array(claimRule).default([]),
  claimMappings: z.strictObject({
    username: claimWithPrefix,
    groups: claimWithPrefix.optional(),
    uid: claimAlone.optional(),
    extra: z
      .array(z.strictObject({ key: extraKey, valueExpression: filled }))
      .max(maxExtras)
      .default([]),
  }),
  userValidationRules: z.array(rule).default([]),
})

type Provider = z.infer<typeof providerShape>

const provider = providerShape.refine(verifiesEmail, {
  path: ['claimMappings', 'username', 'expression'],
  error: 'claims.email_verified must be looked at where claims.email is the user name',
})

const schema = z.strictObject({
  apiVersion: z.enum(['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1beta1']),
  kind: z.literal('AuthenticationConfiguration'),
  jwt: z
    .array(provider)
    .max(maxProviders)
    .default([])
    .refine(
      (list) => new Set(list.map((one) => one.issuer.url)).size === list.length,
      'names an issuer twice',
    ),
  anonymous: z
    .strictObject({
      enabled: z.boolean(),
      conditions: z.array(z.strictObject({ path: z.string().startsWith('/') })).default([]),
    })
    .optional(),
})

/** Whoever may choose an address that nobody verified could be anybody. */
function verifiesEmail({ claimMappings, claimValidationRules }: Provider): boolean {
  const { username, extra } = claimMappings
  if (!/claims\.email\b/.test(username.expression)) return true
  const expressions = [
    username.expression,
    ...extra.map(({ valueExpression }) => valueExpression),
    ...claimValidationRules.map(({ expression }) => expression),
  ]
  return expressions.some((expression) => /claims\.(\?)?email_verified\b/.test(expression))
}

/** Reads an AuthenticationConfiguration, YAML or JSON. Throws an Error that names the field and what is wrong. */
export function parseAuthenticationConfiguration(source: string): AuthenticationConfiguration {
  const { success, data, error } = schema.safeParse(parse(source, { maxAliasCount: 10 }))
  if (!success) {
    const [issue] = error.issues
    throw new Error(`${fieldText(issue?.path ?? [])}: ${issue?.message ?? 'is not valid'}`)
  }
  const { jwt, anonymous } = data
  return {
    jwt: jwt.map(settingsOf),
    anonymous: anonymous && {
      enabled: anonymous.enabled,
      paths: anonymous.conditions.map(({ path }) => path),
    },
  }
}

function settingsOf({
  issuer: from,
  claimValidationRules,
  claimMappings,
  userValidationRules,
}: Provider): JwtSettings {
  const { username, groups, uid, extra } = claimMappings
  return {
    issuer: {
      url: from.url,
      discoveryUrl: from.discoveryURL,
      certificateAuthority: from.certificateAuthority || undefined,
      audiences: from.audiences,
    },
    // The file cannot narrow them down; what is signed at all is signed with a key pair.
    algorithms: signingAlgorithms,
    claimRules: claimValidationRules.map(({ claim, requiredValue, expression, message }) =>
      claim === '' ? { expression, message } : { claim, value: requiredValue },
    ),
    claims: {
      username: sourceOf(username),
      groups: groups && sourceOf(groups),
      uid: uid && sourceOf(uid),
      extra: extra.map(({ key, valueExpression }) => ({ key, expression: valueExpression })),
    },
    userRules: userValidationRules,
  }
}

function sourceOf({
  claim,
  prefix = '',
  expression,
}: {
  claim: string
  prefix?: string | undefined
  expression: string
}): ClaimSource {
  return expression === '' ? { claim, prefix } : { expression }
}

function fieldText(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  return text.replace(/^\./, '') || 'the file'
}
