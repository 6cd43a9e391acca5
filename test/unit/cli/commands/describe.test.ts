import { describe, expect, test } from 'vitest'
import { describe as describeObjects } from '../../../../cli/commands/describe.ts'
import { aContext, fakeApi, machinesPath } from '../fake-api.ts'

const machine = {
  apiVersion: 'kvorum.dev/v1alpha1',
  kind: 'VirtualMachine',
  metadata: { name: 'a', namespace: 'default', uid: 'u-1' },
}
const host = { ...machine, kind: 'Host', metadata: { name: 'h', uid: 'u-2' } }
const events = '/api/v1/namespaces/default/events'

describe('kvorum describe', () => {
  test("shows an object's Events, oldest first, with their age and how often they came", async () => {
    const at = (second: number) => `2025-12-31T23:59:${String(second).padStart(2, '0')}Z`
    const api = fakeApi()
      .answer('GET', `${machinesPath}/a`, { body: machine })
      .answer('GET', events, {
        body: {
          items: [
            {
              reason: 'Late',
              firstTimestamp: at(28),
              lastTimestamp: at(58),
              count: 3,
              message: 'c',
              source: { component: 'x' },
            },
            { reason: 'Early', eventTime: at(10), message: 'a', reportingComponent: 'y' },
            { reason: 'Between', firstTimestamp: at(30), message: 'b' },
          ],
        },
      })
    const context = aContext(api)

    await describeObjects(context, ['vm/a'])

    const lines = context.printed().split('\n').slice(-4, -1)
    expect(lines.map((line) => line.trim().split(/\s{2,}/))).toEqual([
      ['Early', '50s', 'y', 'a'],
      ['Between', '30s', 'b'],
      ['Late', '2s (x3 over 32s)', 'x', 'c'],
    ])
    expect(api.requests.at(-1)?.query).toEqual({ fieldSelector: 'involvedObject.uid=u-1' })
  })

  test('without a name shows every object', async () => {
    const hosts = '/apis/kvorum.dev/v1alpha1/hosts'
    const api = fakeApi()
      .answer('GET', hosts, { body: { items: [host] } })
      .answer('GET', `${hosts}/h`, { body: host })
      .answer('GET', events, { body: { items: [] } })
    const context = aContext(api)

    await describeObjects(context, ['host'])

    expect(context.printed()).toContain('Name:         h\n')
    expect(context.printed()).toMatch(/Events: +<none>\n/)
  })
})
