import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { Auditor, lossCounter } from '../../../../apiserver/audit/auditor.ts'
import { parseAuditPolicy } from '../../../../apiserver/audit/policy.ts'
import { withAudit, withFailedAuthenticationAudit } from '../../../../apiserver/filters/audit.ts'
import { objectReply, type Handler, type RequestContext } from '../../../../apiserver/http/exchange.ts'
import { parseRequestInfo } from '../../../../apiserver/http/request-info.ts'
import type { JsonObject } from '../../../../crds/meta/json.ts'
import { manualClock } from '../../../support/clock.ts'

function auditor(level: string, extra = '') {
  const lines: string[] = []
  const sink = { name: 'log', take: (line: string) => lines.push(line) > 0, close: async () => {} }
  const policy = parseAuditPolicy(
    `{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: ${level}${extra}}]}`,
  )
  const events = () => lines.map((line) => JSON.parse(line) as JsonObject)
  return {
    auditor: new Auditor({ policy, sinks: [sink], losses: lossCounter(), clock: manualClock() }),
    events,
  }
}

function context(method: string, url: string): RequestContext {
  const [path = '', query = ''] = url.split('?')
  const request = {
    url,
    headers: { 'user-agent': 'test', 'x-forwarded-for': '192.0.2.7' },
    socket: { remoteAddress: '::ffff:127.0.0.1' },
  } as unknown as IncomingMessage
  return {
    request,
    response: {} as ServerResponse,
    method,
    query: new URLSearchParams(query),
    info: parseRequestInfo(method, path, new URLSearchParams(query)),
    user: { name: 'ann', groups: ['people'] },
    signal: new AbortController().signal,
    abort() {},
    warnings: [],
    annotations: new Map(),
    auditId: 'id-1',
    compress: false,
  }
}

const one = '/api/v1/namespaces/a/configmaps/one'
const at = '2026-01-01T00:00:00.000000Z'

test('an update is told with who, what, when, from where and its difference', async () => {
  const { auditor: log, events } = auditor('Request')
  const body = { metadata: { name: 'one', resourceVersion: '7' }, data: { a: '2' } }
  const handler: Handler = async ({ audit, annotations }) => {
    audit?.impersonated({ name: 'eve', groups: [] })
    audit?.requested(body)
    audit?.changing({ data: { a: '1' } }, { data: { a: '2' } })
    annotations.set('authorization.k8s.io/decision', 'allow')
    return objectReply(body)
  }

  await withAudit(handler, { auditor: log })(context('PUT', `${one}?fieldManager=x`))

  const common = {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Request',
    auditID: 'id-1',
    requestURI: `${one}?fieldManager=x`,
    verb: 'update',
    user: { username: 'ann', groups: ['people'] },
    sourceIPs: ['192.0.2.7', '127.0.0.1'],
    userAgent: 'test',
    requestReceivedTimestamp: at,
    stageTimestamp: at,
  }
  const ref = { resource: 'configmaps', namespace: 'a', name: 'one', apiVersion: 'v1' }
  expect(events()).toEqual([
    { ...common, stage: 'RequestReceived', objectRef: ref },
    {
      ...common,
      stage: 'ResponseComplete',
      impersonatedUser: { username: 'eve', groups: [] },
      objectRef: { ...ref, resourceVersion: '7' },
      responseStatus: { metadata: {}, code: 200 },
      requestObject: body,
      annotations: {
        'authorization.k8s.io/decision': 'allow',
        'audit.kvorum.dev/diff': '[{"op":"replace","path":"/data/a","old":"1","value":"2"}]',
      },
    },
  ])
})

test('at level Metadata no body is written, but its name is', async () => {
  const { auditor: log, events } = auditor('Metadata', ', omitStages: [RequestReceived]')
  const handler: Handler = async ({ audit }) => {
    audit?.requested({ metadata: { name: 'new' }, data: { a: 'body' } })
    audit?.changing({ a: 'body' }, { a: 'other' })
    return objectReply({ a: 'body' }, 201)
  }

  await withAudit(handler, { auditor: log })(context('POST', '/api/v1/namespaces/a/configmaps'))

  expect(events()).toMatchObject([{ objectRef: { name: 'new' }, responseStatus: { code: 201 } }])
  expect(JSON.stringify(events())).not.toContain('body')
})

test('a name that the server made is told', async () => {
  const { auditor: log, events } = auditor('Metadata', ', omitStages: [RequestReceived]')
  const handler: Handler = async ({ audit }) => {
    audit?.requested({ metadata: { generateName: 'new-' } })
    return objectReply({ metadata: { name: 'new-x2b4z', uid: 'u-1' } }, 201)
  }

  await withAudit(handler, { auditor: log })(context('POST', '/api/v1/namespaces/a/configmaps'))

  expect(events()).toMatchObject([{ objectRef: { name: 'new-x2b4z', uid: 'u-1', namespace: 'a' } }])
})

test('answers are written without managed fields when the policy says so', async () => {
  const { auditor: log, events } = auditor('RequestResponse', ', omitManagedFields: true')
  const answer = { kind: 'ConfigMap', metadata: { name: 'one', managedFields: [{ manager: 'x' }] } }

  await withAudit(async () => objectReply(answer), { auditor: log })(context('GET', one))

  expect(events()[1]?.['responseObject']).toEqual({ kind: 'ConfigMap', metadata: { name: 'one' } })
})

test('a refusal is told with its Status, and what it would have changed is not', async () => {
  const { auditor: log, events } = auditor('Request', ', omitStages: [RequestReceived]')
  const handler: Handler = async ({ audit }) => {
    audit?.changing({ a: 1 }, { a: 2 })
    throw new StatusError('Forbidden', 'no', { details: { name: 'one' } })
  }

  await expect(withAudit(handler, { auditor: log })(context('PUT', one))).rejects.toThrow('no')

  expect(events()).toMatchObject([
    {
      stage: 'ResponseComplete',
      responseStatus: {
        status: 'Failure',
        reason: 'Forbidden',
        message: 'no',
        details: { name: 'one' },
        code: 403,
      },
    },
  ])
  expect(events()[0]).not.toHaveProperty('annotations')
})

test('what an error quotes of a Secret is not written', async () => {
  const { auditor: log, events } = auditor('RequestResponse')
  const handler: Handler = async ({ audit }) => {
    audit?.requested({ metadata: { name: 's' }, data: { a: 'hidden' } })
    throw new StatusError('Invalid', 'patch: hidden', { details: { causes: [{ message: 'hidden' }] } })
  }

  await expect(
    withAudit(handler, { auditor: log })(context('PATCH', '/api/v1/namespaces/a/secrets/s')),
  ).rejects.toThrow('hidden')

  expect(events()).toMatchObject([
    {},
    { level: 'Metadata', responseStatus: { reason: 'Invalid', code: 422 } },
  ])
  expect(JSON.stringify(events())).not.toContain('hidden')
})

test('a mistake of the server is a panic', async () => {
  const { auditor: log, events } = auditor('Metadata')
  const handler: Handler = async () => {
    throw new TypeError('undefined is no function')
  }

  await expect(withAudit(handler, { auditor: log })(context('GET', one))).rejects.toThrow(TypeError)

  expect(events()[1]).toMatchObject({
    stage: 'Panic',
    responseStatus: { code: 500, reason: 'InternalError' },
  })
})

test('a watch is told when it starts and when it ends, a list when it is written, with what was written', async () => {
  const { auditor: log, events } = auditor('RequestResponse')
  const written: string[] = []
  const response = {
    write: (chunk: Buffer) => written.push(chunk.toString()) > 0,
    end: () => response,
  } as unknown as ServerResponse
  const handler: Handler = async () => ({
    type: 'stream',
    code: 200,
    headers: {},
    async write(to) {
      to.write(Buffer.from('{"items":'))
      to.write(Buffer.from('[]}'))
      to.end()
    },
  })
  for (const url of ['/api/v1/configmaps?watch=1', '/api/v1/configmaps']) {
    const asked = context('GET', url)
    const reply = await withAudit(handler, { auditor: log })(asked)
    if (reply.type === 'stream') await reply.write(response, asked.signal)
  }

  expect(events().map(({ stage, verb, responseObject }) => [verb, stage, responseObject])).toEqual([
    ['watch', 'RequestReceived', undefined],
    ['watch', 'ResponseStarted', undefined],
    ['watch', 'ResponseComplete', undefined],
    ['list', 'RequestReceived', undefined],
    ['list', 'ResponseComplete', { items: [] }],
  ])
  expect(written.join('')).toBe('{"items":[]}{"items":[]}')
})

test('events that are too large lose their bodies', async () => {
  const { auditor: log, events } = auditor('RequestResponse')
  const large = { metadata: { name: 'one' }, data: { a: 'x'.repeat(1024 * 1024) } }
  const handler: Handler = async ({ audit }) => {
    audit?.requested(large)
    return objectReply(large)
  }

  await withAudit(handler, { auditor: log })(context('PUT', one))

  expect(events()[1]).toMatchObject({ annotations: { 'audit.k8s.io/truncated': 'true' } })
  expect(events()[1]).not.toHaveProperty('requestObject')
})

test('who cannot be recognised is told, who may not is not told twice', async () => {
  const { auditor: log, events } = auditor('Metadata', ', omitStages: [RequestReceived]')
  const refuse = new StatusError('Unauthorized', 'Unauthorized')
  const nobody = withFailedAuthenticationAudit(
    () => async () => {
      throw refuse
    },
    async () => objectReply({}),
    { auditor: log },
  )
  const later = withFailedAuthenticationAudit(
    (inner) => inner,
    async () => {
      throw refuse
    },
    { auditor: log },
  )
  const asked = { ...context('GET', one), user: undefined }
  asked.request.headers.authorization = 'Bearer xyz'

  await expect(nobody(asked)).rejects.toThrow('Unauthorized')
  await expect(later(context('GET', one))).rejects.toThrow('Unauthorized')

  expect(events()).toMatchObject([
    {
      stage: 'ResponseStarted',
      user: {},
      responseStatus: { code: 401, message: 'Authentication failed, attempted: bearer' },
    },
  ])
  expect(JSON.stringify(events())).not.toContain('xyz')
})
