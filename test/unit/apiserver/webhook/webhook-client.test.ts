import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../../apimachinery/clock.ts'
import { createAuthority, issueCertificate } from '../../../../apiserver/certificates/authority.ts'
import { kubeconfig } from '../../../../apiserver/certificates/kubeconfig.ts'
import { WebhookClient } from '../../../../apiserver/webhook/webhook-client.ts'
import { WebhookClients } from '../../../../apiserver/webhook/webhook-clients.ts'
import {
  endpointFromKubeconfig,
  endpointOf,
  type WebhookClientConfig,
} from '../../../../apiserver/webhook/webhook-endpoint.ts'
import { WebhookError } from '../../../../apiserver/webhook/webhook-error.ts'
import {
  answering,
  startHttpsWebhook,
  webhookAuthority,
  type HttpsWebhook,
  type Respond,
} from '../../../support/https-webhook.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(respond: Respond, hosts?: readonly string[]): Promise<HttpsWebhook> {
  const webhook = await startHttpsWebhook(respond, hosts ? { hosts } : {})
  cleanups.push(() => webhook.close())
  return webhook
}

function clientFor(config: WebhookClientConfig): WebhookClient {
  const client = new WebhookClient(endpointOf(config), systemClock)
  cleanups.push(() => client.close())
  return client
}

const patient = { timeoutMs: 30_000 }

async function failure(call: Promise<unknown>): Promise<WebhookError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof WebhookError)) throw new Error('it did not fail as expected', { cause: error })
  return error
}

describe('a webhook named by url', () => {
  test('is posted JSON and its JSON comes back', async () => {
    const webhook = await start(answering({ verdict: 'yes' }))
    const client = clientFor({ url: `${webhook.url}/check`, caBundle: webhook.caBundle })

    const answer = await client.post({ question: 1 }, { ...patient, query: { timeout: '10s' } })

    expect(answer).toEqual({ verdict: 'yes' })
    expect(webhook.received).toMatchObject([
      { path: '/check?timeout=10s', body: { question: 1 }, headers: { 'content-type': 'application/json' } },
    ])
  })

  test('is called over connections that are kept', async () => {
    const webhook = await start(answering({}))
    const client = clientFor({ url: webhook.url, caBundle: webhook.caBundle })

    for (let call = 0; call < 3; call++) await client.post({}, patient)

    expect(webhook.connections()).toBe(1)
  })

  test('is called again when it closed a kept connection meanwhile', async () => {
    const webhook = await start(answering({ ok: true }))
    const client = clientFor({ url: webhook.url, caBundle: webhook.caBundle })
    await client.post({}, patient)

    webhook.hangUp()

    await expect(client.post({}, patient)).resolves.toEqual({ ok: true })
  })

  test.each([
    [404, {}, 'the server could not find the requested resource'],
    [
      429,
      { 'retry-after': '7' },
      'the server has received too many requests and has asked us to try again later',
    ],
    [500, {}, 'an error on the server ("broken \\"here\\"") has prevented the request from being successful'],
    [
      302,
      { location: '/elsewhere' },
      'the server responded with the status code 302 but did not return more information',
    ],
  ])('may answer %i', async (code, headers: Record<string, string>, message) => {
    const webhook = await start(answering('broken "here"', code, headers))
    const client = clientFor({ url: webhook.url, caBundle: webhook.caBundle })

    const error = await failure(client.post({}, patient))

    expect(error).toMatchObject({ failure: 'status', code, message })
    expect(error.retryAfterSeconds).toBe(code === 429 ? 7 : undefined)
    expect(webhook.received).toHaveLength(1)
  })

  test('may answer something else than JSON', async () => {
    const webhook = await start(answering('<html>'))
    const client = clientFor({ url: webhook.url, caBundle: webhook.caBundle })

    expect(await failure(client.post({}, patient))).toMatchObject({ failure: 'malformed' })
  })

  test('may answer nothing, which is fine when nobody reads the answer', async () => {
    const webhook = await start(answering(''))
    const client = clientFor({ url: webhook.url, caBundle: webhook.caBundle })

    expect(await failure(client.post({}, patient))).toMatchObject({
      failure: 'malformed',
      message: '0-length response with status code: 200 and content type: application/json',
    })
    expect(await client.send({}, patient)).toMatchObject({ code: 200 })
  })

  test('may not answer without end', async () => {
    const webhook = await start((_received, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
        response.once('drain', more)
      }
      more()
    })
    const client = clientFor({ url: webhook.url, caBundle: webhook.caBundle })

    const error = await failure(client.post({}, { ...patient, maxAnswerBytes: 1_000_000 }))

    expect(error).toMatchObject({
      failure: 'too-large',
      message: 'the answer of the webhook is longer than 1000000 bytes',
    })
  })

  test('that is silent runs into the timeout', async () => {
    const webhook = await start(() => {})
    const client = clientFor({ url: `${webhook.url}/slow`, caBundle: webhook.caBundle })

    expect(await failure(client.post({}, { timeoutMs: 50 }))).toMatchObject({
      failure: 'timeout',
      message: `Post "${webhook.url}/slow": context deadline exceeded`,
    })
  })

  test('is left alone when the caller gives up', async () => {
    const giveUp = new AbortController()
    const webhook = await start(() => giveUp.abort())
    const client = clientFor({ url: webhook.url, caBundle: webhook.caBundle })

    expect(await failure(client.post({}, { ...patient, signal: giveUp.signal }))).toMatchObject({
      failure: 'cancelled',
      message: `Post "${webhook.url}/": context canceled`,
    })
  })

  test('that nobody runs is refused', async () => {
    const port = await freePort()
    const client = clientFor({ url: `https://127.0.0.1:${port}/x` })

    expect(await failure(client.post({}, patient))).toMatchObject({
      failure: 'unreachable',
      message: `Post "https://127.0.0.1:${port}/x": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    })
  })
})

describe('the certificate of a webhook', () => {
  test('has to come from the bundle', async () => {
    const webhook = await start(answering({}))
    const stranger = await createAuthority(systemClock, 'stranger', 1)
    const caBundle = Buffer.from(stranger.certificate).toString('base64')

    expect(await failure(clientFor({ url: webhook.url, caBundle }).post({}, patient))).toMatchObject({
      message: `Post "${webhook.url}/": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    })
    expect(webhook.received).toEqual([])
  })

  test('has to be made out to the host', async () => {
    const webhook = await start(answering({}), ['elsewhere.test'])
    const client = clientFor({ url: webhook.url, caBundle: webhook.caBundle })

    expect((await failure(client.post({}, patient))).message).toContain(
      'x509: certificate is valid for elsewhere.test, not 127.0.0.1',
    )
  })
})

describe('a webhook named by service', () => {
  const service = { namespace: 'shop', name: 'hooks', path: '/convert' }

  test('is refused, because no Services are served', () => {
    expect(() => endpointOf({ service })).toThrow(
      'service "shop/hooks" cannot be reached: this server serves no Services; give the address as clientConfig.url',
    )
  })

  test('is found by a resolver and known by its own name', async () => {
    const webhook = await start(answering({ found: true }), ['hooks.shop.svc'])
    const clients = new WebhookClients(systemClock, () => webhook.url)
    cleanups.push(() => clients.close())

    const answer = await clients.get({ service, caBundle: webhook.caBundle }).post({}, patient)

    expect(answer).toEqual({ found: true })
    expect(webhook.received).toMatchObject([{ path: '/convert' }])
  })
})

test('clients are shared by those who name the same webhook', () => {
  const clients = new WebhookClients(systemClock)
  cleanups.push(() => clients.close())

  const one = clients.get({ url: 'https://one.test' })

  expect(clients.get({ url: 'https://one.test' })).toBe(one)
  expect(clients.get({ url: 'https://two.test' })).not.toBe(one)
})

test('a kubeconfig names the webhook, its authority and the client certificate', async () => {
  const webhook = await start(answering({ seen: true }))
  const authority = await webhookAuthority()
  const client = await issueCertificate(systemClock, authority, {
    commonName: 'the-api-server',
    usage: 'client',
    validDays: 1,
  })
  const directory = await mkdtemp(join(tmpdir(), 'kvorum-webhook-'))
  cleanups.push(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'webhook.kubeconfig')
  const server = `${webhook.url}/authenticate`
  await writeFile(path, kubeconfig({ name: 'webhook', server, authority: authority.certificate, client }))
  const caller = new WebhookClient(endpointFromKubeconfig(path), systemClock)
  cleanups.push(() => caller.close())

  await caller.post({}, patient)

  expect(webhook.received).toMatchObject([{ path: '/authenticate', client: 'the-api-server' }])
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
