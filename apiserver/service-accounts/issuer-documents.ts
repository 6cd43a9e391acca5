import { exportJWK } from 'jose'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { RawReply, RequestContext } from '../http/exchange.ts'
import type { VerifyingKey } from './signing-keys.ts'

const cacheControl = 'public, max-age=3600'

export interface IssuerDocuments {
  /** Undefined when the path is none of the issuer's. */
  handle(context: RequestContext): RawReply | undefined
}

/** What others need to check service-account tokens by themselves: OpenID Connect discovery and the public keys. */
export async function issuerDocuments(
  issuer: string,
  keys: readonly VerifyingKey[],
  jwksUri: () => string,
): Promise<IssuerDocuments> {
  const jwks = JSON.stringify({ keys: await Promise.all(keys.map(publicJwk)) })
  const algorithms = [...new Set(keys.map(({ algorithm }) => algorithm))].toSorted()
  const configuration = (): JsonObject => ({
    issuer,
    jwks_uri: jwksUri(),
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: algorithms,
  })
  // Discovery is built on the issuer's URL: a name of another kind has none.
  const isDiscoverable = URL.canParse(issuer) && /^https:\/\/[^?#]+$/.test(issuer)
  return {
    handle({ info }) {
      if (!isDiscoverable) return undefined
      if (info.path === '/.well-known/openid-configuration') {
        return reply(JSON.stringify(configuration()), 'application/json')
      }
      if (info.path === '/openid/v1/jwks') return reply(jwks, 'application/jwk-set+json')
      return undefined
    },
  }
}

async function publicJwk({ id, algorithm, key }: VerifyingKey): Promise<JsonObject> {
  return { use: 'sig', ...((await exportJWK(key)) as JsonObject), kid: id, alg: algorithm }
}

function reply(body: string, contentType: string): RawReply {
  return {
    type: 'raw',
    code: 200,
    headers: { 'content-type': contentType, 'cache-control': cacheControl },
    body,
  }
}
