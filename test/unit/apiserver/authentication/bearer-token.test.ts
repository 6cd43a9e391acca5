import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { silentLogger } from '../../../../apimachinery/log.ts'
import { anonymousAuthenticator } from '../../../../apiserver/authentication/anonymous.ts'
import { firstOf } from '../../../../apiserver/authentication/authenticator.ts'
import { bearerTokenAuthenticator } from '../../../../apiserver/authentication/bearer-token.ts'
import { TokenError } from '../../../../apiserver/authentication/token-authenticator.ts'

const authenticate = bearerTokenAuthenticator(
  async (token, audiences) => {
    if (token === 'bad') throw new TokenError('bad')
    return token === 'good' ? { user: { name: 'eve', groups: [] }, audiences } : undefined
  },
  { apiAudiences: ['api'], log: silentLogger },
)
const requestWith = (headers: Record<string, string>, url = '/') =>
  ({ headers, url }) as unknown as IncomingMessage
const carrier = (token: string) =>
  `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`

test.each([
  [{ authorization: 'Bearer good' }, 'eve'],
  [{ 'sec-websocket-protocol': `${carrier('good')}, v5.channel.k8s.io` }, 'eve'],
  [{}, undefined],
  [{ authorization: 'Basic eA==' }, undefined],
  [{ 'sec-websocket-protocol': 'v5.channel.k8s.io' }, undefined],
])('%j is %s', async (headers, name) => {
  expect((await authenticate(requestWith(headers)))?.name).toBe(name)
})

test.each([
  [{ authorization: 'Bearer bad' }],
  [{ authorization: 'Bearer unknown' }],
  [{ 'sec-websocket-protocol': `v1, ${carrier('bad')}` }],
  // Without another protocol there is none to agree on.
  [{ 'sec-websocket-protocol': carrier('good') }],
  [{ 'sec-websocket-protocol': `v1, ${carrier('a b')}` }],
])('%j is refused', async (headers) => {
  await expect(authenticate(requestWith(headers))).rejects.toMatchObject({
    code: 401,
    message: 'Unauthorized',
  })
})

test('a token among protocols goes no further', async () => {
  const request = requestWith({ 'sec-websocket-protocol': `a, ${carrier('good')}, b` })
  await authenticate(request)
  expect(request.headers['sec-websocket-protocol']).toBe('a, b')
})

test('who shows nothing is anonymous where that is allowed, who shows something wrong is nobody', async () => {
  const everywhere = firstOf([authenticate, anonymousAuthenticator()])
  expect(await everywhere(requestWith({}))).toEqual({
    name: 'system:anonymous',
    groups: ['system:unauthenticated'],
  })
  await expect(everywhere(requestWith({ authorization: 'Bearer bad' }))).rejects.toThrow('Unauthorized')
  const somewhere = firstOf([authenticate, anonymousAuthenticator(['/version'])])
  expect((await somewhere(requestWith({}, '/version?pretty'))).name).toBe('system:anonymous')
  await expect(somewhere(requestWith({}, '/api'))).rejects.toThrow('Unauthorized')
})
