import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { type ScreenshotDeps, screenshotHandler } from '../../../../apiserver/console/screenshot.ts'
import type { RequestContext } from '../../../../apiserver/http/exchange.ts'
import { parseRequestInfo } from '../../../../apiserver/http/request-info.ts'
import type { JsonObject } from '../../../../crds/meta/json.ts'

const path = '/apis/kvorum.dev/v1alpha1/namespaces/lab/virtualmachineinstances/vm/screenshot'
const objects: Readonly<Record<string, JsonObject>> = {
  virtualmachineinstances: { spec: { hostName: 'a' }, status: { phase: 'Running' } },
  hosts: {
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }], daemonEndpoint: { port: 7450 } },
  },
}

let daemon: Server
let answer: { code: number; body: string | Buffer }
let asked: string[]
beforeEach(async () => {
  asked = []
  answer = { code: 200, body: 'a picture' }
  daemon = createServer((request, response) => {
    asked.push(`${String(request.method)} ${String(request.url)}`)
    response.writeHead(answer.code).end(answer.body)
  })
  await new Promise<void>((resolve) => daemon.listen(0, '127.0.0.1', resolve))
})
afterEach(() => void daemon.close())

function take(more: Partial<ScreenshotDeps> = {}, method = 'GET') {
  const handler = screenshotHandler({
    admit: async () => {},
    read: async (plural) => objects[plural],
    dial: async () => connect((daemon.address() as AddressInfo).port, '127.0.0.1'),
    ...more,
  })
  const info = parseRequestInfo(method, path, new URLSearchParams())
  const user = { name: 'ann', groups: [] }
  const context = { info, user, signal: new AbortController().signal } as unknown as RequestContext
  return handler(context)
}

const refused = (code: number, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string })

describe('a screenshot', () => {
  test('is asked of the host on which the machine runs', async () => {
    expect(await take()).toMatchObject({
      code: 200,
      headers: { 'content-type': 'image/png', 'cache-control': 'no-store' },
      body: Buffer.from('a picture'),
    })
    expect(asked).toEqual(['GET /v1alpha1/namespaces/lab/virtualmachineinstances/vm/screenshot'])
  })

  test('that admission refuses is not taken', async () => {
    const admit = async () => {
      throw new StatusError('Forbidden', 'not at night')
    }
    await expect(take({ admit })).rejects.toEqual(refused(403, /not at night/))
    expect(asked).toEqual([])
  })

  test('of a machine that does not run cannot be taken', async () => {
    const read = async () => ({ spec: {}, status: { phase: 'Scheduling' } })
    await expect(take({ read })).rejects.toEqual(refused(400, /does not run: it is Scheduling/))
  })

  test('of a machine that is not there is not found', async () => {
    await expect(take({ read: async () => undefined })).rejects.toEqual(refused(404, /"vm" not found/))
  })

  test('is not written', async () => {
    await expect(take({}, 'POST')).rejects.toEqual(refused(405, /ask with GET/))
  })

  test('that the daemon refuses says why', async () => {
    const status = new StatusError('BadRequest', 'machine vm has no screen').toStatus()
    answer = { code: 400, body: JSON.stringify(status) }
    await expect(take()).rejects.toEqual(refused(400, /has no screen/))
  })

  test.each([
    [
      'speaks of rights, which are not its business',
      403,
      JSON.stringify({ reason: 'Forbidden', message: 'no' }),
    ],
    ['says nothing that can be read', 500, '<html>'],
    ['floods', 400, Buffer.alloc(1024 ** 2)],
  ])('of a daemon that %s is unavailable', async (_what, code, body) => {
    answer = { code, body }
    await expect(take()).rejects.toEqual(refused(503, /daemon of host a gives no screenshot/))
  })

  test('of a host that does not answer is unavailable', async () => {
    const dial = async () => {
      throw new Error('connection refused')
    }
    await expect(take({ dial })).rejects.toEqual(refused(503, /daemon of host a gives no screenshot/))
  })
})
