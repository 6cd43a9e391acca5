import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { createServer, request, type Server } from 'node:https'
import type { IncomingMessage, RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK } from 'jose'
import { systemClock } from '../../../apimachinery/clock.ts'
import { createAuthority, issueCertificate } from '../../../apiserver/certificates/authority.ts'

/** What a provider tells about somebody, beside the name they log in with. */
export type Claims = Readonly<Record<string, unknown>>

interface ProviderLibrary {
  readonly default: new (
    issuer: string,
    configuration: object,
  ) => { callback(): RequestListener; on(event: string, listener: (...values: unknown[]) => void): void }
}

const clientId = 'kvorum'
const redirectUri = 'https://client.example/callback'

/** A real OpenID Connect provider with an authority of its own. People log in with any password. */
export class OidcProvider {
  readonly issuer: string
  readonly clientId = clientId
  /** What its certificate is signed by, PEM. */
  readonly authority: string
  readonly #server: Server
  readonly #people = new Map<string, Claims>()
  #answer: RequestListener = (_request, response) => response.writeHead(503).end()
  /** Requests for the keys so far. */
  keyRequests = 0

  static async start(): Promise<OidcProvider> {
    const authority = await createAuthority(systemClock, 'provider-ca', 1)
    const { certificate, key } = await issueCertificate(systemClock, authority, {
      commonName: 'provider',
      usage: 'server',
      hosts: ['127.0.0.1'],
      validDays: 1,
    })
    const server = createServer({ cert: certificate, key })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new OidcProvider(server, authority.certificate)
  }

  private constructor(server: Server, authority: string) {
    this.#server = server
    this.authority = authority
    this.issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (incoming: IncomingMessage, response) => {
      if (incoming.url?.startsWith('/jwks')) this.keyRequests += 1
      this.#answer(incoming, response)
    })
  }

  /** Answers from now on, with a new key. */
  async open(): Promise<void> {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: 'RS256', use: 'sig' }
    // The package comes without types.
    const library = (await import(String('oidc-provider'))) as ProviderLibrary
    const provider = new library.default(this.issuer, {
      clients: [
        {
          client_id: clientId,
          client_secret: 'secret',
          redirect_uris: [redirectUri],
          response_types: ['code'],
          grant_types: ['authorization_code'],
        },
      ],
      jwks: { keys: [jwk] },
      cookies: { keys: [randomBytes(16).toString('hex')] },
      ttl: {
        AccessToken: 600,
        AuthorizationCode: 60,
        Grant: 600,
        IdToken: 7200,
        Interaction: 600,
        Session: 600,
      },
      conformIdTokenClaims: false,
      claims: { openid: ['sub', 'email', 'email_verified', 'groups', 'hd', 'team', 'jti'] },
      findAccount: (_context: unknown, id: string) => ({
        accountId: id,
        claims: async () => ({ sub: id, ...this.#people.get(id) }),
      }),
    })
    this.#answer = provider.callback()
  }

  /** Answers 503 from now on. */
  shut(): void {
    this.#answer = (_request, response) => response.writeHead(503).end()
  }

  /** An ID token for somebody, got as a browser and a client get one. */
  async login(name: string, claims: Claims = {}): Promise<string> {
    this.#people.set(name, claims)
    const browser = new Browser(this.authority)
    const verifier = randomBytes(32).toString('base64url')
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    const query = new URLSearchParams({
      client_id: clientId,
      response_type: 'code',
      scope: 'openid',
      redirect_uri: redirectUri,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    })
    const loginPage = await browser.open('GET', `${this.issuer}/auth?${query.toString()}`)
    const consentPage = await browser.open('POST', formTarget(loginPage), {
      prompt: 'login',
      login: name,
      password: 'x',
    })
    const end = await browser.open('POST', formTarget(consentPage), { prompt: 'consent' })
    const code = new URL(end.url).searchParams.get('code') ?? ''
    const tokens = await browser.open('POST', `${this.issuer}/token`, {
      grant_type: 'authorization_code',
      client_id: clientId,
      client_secret: 'secret',
      redirect_uri: redirectUri,
      code,
      code_verifier: verifier,
    })
    const { id_token: token } = JSON.parse(tokens.text) as { id_token?: string }
    if (token === undefined) throw new Error(`the provider gave no ID token: ${tokens.text}`)
    return token
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

interface Page {
  readonly url: string
  readonly text: string
}

function formTarget({ text, url }: Page): string {
  const target = /action="([^"]+)"/.exec(text)?.[1]
  if (target === undefined) throw new Error(`there is no form at ${url}: ${text}`)
  return new URL(target, url).href
}

/** Keeps cookies and follows redirects, up to the one that leads back to the client. */
class Browser {
  readonly #cookies = new Map<string, string>()
  readonly #ca: string

  constructor(ca: string) {
    this.#ca = ca
  }

  async open(method: string, url: string, form?: Record<string, string>): Promise<Page> {
    const { location, text } = await this.#send(method, url, form)
    if (location === undefined) return { url, text }
    const next = new URL(location, url).href
    return next.startsWith(redirectUri) ? { url: next, text } : await this.open('GET', next)
  }

  #send(
    method: string,
    url: string,
    form?: Record<string, string>,
  ): Promise<{ location: string | undefined; text: string }> {
    const body = form && new URLSearchParams(form).toString()
    const headers = {
      cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
    }
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers, ca: this.#ca, agent: false }, (response) => {
        for (const cookie of response.headers['set-cookie'] ?? []) this.#keep(cookie)
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('error', reject).on('end', () => resolve({ location: response.headers.location, text }))
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  #keep(cookie: string): void {
    const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split('=')
    if (value === '') this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }
}
