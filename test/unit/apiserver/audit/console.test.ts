import type { IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { silentLogger } from '../../../../apimachinery/log.ts'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { Auditor, lossCounter } from '../../../../apiserver/audit/auditor.ts'
import { defaultAuditPolicy } from '../../../../apiserver/audit/policy.ts'
import { consoleUpgrade, type ConsoleDeps } from '../../../../apiserver/console/console-upgrade.ts'
import type { JsonObject } from '../../../../crds/meta/json.ts'
import { manualClock } from '../../../support/clock.ts'

const url = '/apis/kvorum.dev/v1alpha1/namespaces/lab/virtualmachineinstances/vm/console'
const objects: Readonly<Record<string, JsonObject>> = {
  virtualmachineinstances: { spec: { hostName: 'a' }, status: { phase: 'Running' } },
  hosts: {
    status: {
      addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
      daemonEndpoint: { port: 7450 },
    },
  },
}

/** A connection whose other end says nothing. */
function quiet(): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
}

function setup(more: Partial<ConsoleDeps>, path = url) {
  const lines: string[] = []
  const sink = { name: 'log', take: (line: string) => lines.push(line) > 0, close: async () => {} }
  const auditor = new Auditor({
    policy: defaultAuditPolicy,
    sinks: [sink],
    losses: lossCounter(),
    clock: manualClock(),
  })
  const upstream = quiet()
  const upgrade = consoleUpgrade({
    auditor,
    authenticate: async () => ({ name: 'ann', groups: [] }),
    authorizer: {
      authorize: async () => ({ allowed: true, reason: 'her machine' }),
      rulesFor: async () => ({ rules: [], incomplete: false }),
    },
    read: async (plural) => objects[plural],
    dial: async () => upstream,
    log: silentLogger,
    ...more,
  })
  const socket = quiet()
  const request = { url: path, headers: {}, socket } as unknown as IncomingMessage
  upgrade(request, socket, Buffer.alloc(0))
  const events = () =>
    lines.map((line) => {
      const { user, verb, stage, objectRef, responseStatus, annotations } = JSON.parse(line) as JsonObject
      return { user, verb, stage, objectRef, responseStatus, annotations }
    })
  return { events, socket }
}

const common = {
  user: { username: 'ann', groups: [] },
  verb: 'get',
  objectRef: {
    resource: 'virtualmachineinstances',
    namespace: 'lab',
    name: 'vm',
    apiGroup: 'kvorum.dev',
    apiVersion: 'v1alpha1',
    subresource: 'console',
  },
}

test('a console is told when it opens and when it closes', async () => {
  const { events, socket } = setup({})
  await expect
    .poll(events)
    .toMatchObject([{ ...common, stage: 'ResponseStarted', responseStatus: { code: 101 } }])
  socket.destroy()

  await expect
    .poll(() => events()[1])
    .toMatchObject({
      ...common,
      stage: 'ResponseComplete',
      responseStatus: { code: 101 },
      annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': 'her machine' },
    })
})

test('a screen is told as a console is', async () => {
  const { events } = setup({}, url.replace(/console$/, 'vnc'))

  await expect
    .poll(events)
    .toMatchObject([
      { ...common, objectRef: { ...common.objectRef, subresource: 'vnc' }, stage: 'ResponseStarted' },
    ])
})

test('who may not open it is told', async () => {
  const { events } = setup({
    authorizer: {
      authorize: async () => ({ allowed: false, reason: '' }),
      rulesFor: async () => ({ rules: [], incomplete: false }),
    },
  })

  await expect.poll(events).toMatchObject([
    {
      ...common,
      stage: 'ResponseComplete',
      responseStatus: { code: 403, reason: 'Forbidden' },
      annotations: { 'authorization.k8s.io/decision': 'forbid' },
    },
  ])
})

test('who is not known is told', async () => {
  const { events } = setup({
    async authenticate() {
      throw new StatusError('Unauthorized', 'Unauthorized')
    },
  })

  await expect
    .poll(events)
    .toMatchObject([{ user: {}, stage: 'ResponseStarted', responseStatus: { code: 401 } }])
})
