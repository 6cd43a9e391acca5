import { describe, expect, test } from 'vitest'
import { get, type GetOptions } from '../../../../cli/commands/get.ts'
import { aContext, fakeApi, machinesPath } from '../fake-api.ts'

const plain: GetOptions = { headers: true }
const columnDefinitions = [
  { name: 'Name', type: 'string' },
  { name: 'Phase', type: 'string' },
]
const row = (name: string, phase: string) => ({ cells: [name, phase], object: { metadata: { name } } })
const listed = {
  body: { kind: 'Table', metadata: { resourceVersion: '9' }, columnDefinitions, rows: [row('a', 'Running')] },
}
const empty = { body: { kind: 'Table', columnDefinitions, rows: [] } }
const a = { apiVersion: 'kvorum.dev/v1alpha1', kind: 'VirtualMachine', metadata: { name: 'a' } }
const disksPath = '/apis/kvorum.dev/v1alpha1/namespaces/default/disks'

describe('get', () => {
  test('prints the table that the server draws', async () => {
    const api = fakeApi().answer('GET', machinesPath, listed)
    const context = aContext(api)

    await get(context, ['vm'], { ...plain, selector: 'app=web', fieldSelector: 'status.phase=Running' })

    expect(context.printed()).toBe('NAME   PHASE\na      Running\n')
    expect(api.requests[0]?.accept).toContain('as=Table')
    expect(api.requests[0]?.query).toEqual({
      labelSelector: 'app=web',
      fieldSelector: 'status.phase=Running',
    })
  })

  test('says on standard error that there is nothing', async () => {
    const context = aContext(fakeApi().answer('GET', machinesPath, empty), { namespace: 'default' })

    await get(context, ['vm'], plain)

    expect([context.printed(), context.errors()]).toEqual(['', 'No resources found in default namespace.\n'])
  })

  test('of several resources tells them apart', async () => {
    const api = fakeApi().answer('GET', machinesPath, listed).answer('GET', disksPath, listed)
    const context = aContext(api)

    await get(context, ['vm,disk'], plain)

    expect(context.printed()).toBe(
      'NAME                          PHASE\nvirtualmachine.kvorum.dev/a   Running\n\n' +
        'NAME                PHASE\ndisk.kvorum.dev/a   Running\n\n',
    )
  })

  test('of all namespaces asks for all of them', async () => {
    const api = fakeApi().answer('GET', '/apis/kvorum.dev/v1alpha1/virtualmachines', empty)
    const context = aContext(api)

    await get(context, ['vm'], { ...plain, allNamespaces: true })

    expect(context.errors()).toBe('No resources found\n')
  })

  test('--watch goes on with what changes, from where the list was', async () => {
    const api = fakeApi()
      .answer('GET', machinesPath, listed)
      .stream(machinesPath, [
        { type: 'BOOKMARK', object: { kind: 'Table', rows: [] } },
        { type: 'MODIFIED', object: { kind: 'Table', rows: [row('a', 'Stopping')] } },
        { type: 'MODIFIED', object: { kind: 'Table', rows: [row('a', 'Stopped')] } },
      ])
    const context = aContext(api)

    await get(context, ['vm'], { ...plain, watch: true })

    expect(context.printed()).toBe('NAME   PHASE\na      Running\na   Stopping\na   Stopped\n')
    expect(api.requests[1]?.query).toMatchObject({ watch: 'true', resourceVersion: '9' })
  })

  test('--watch says why when the server ends it', async () => {
    const api = fakeApi()
      .answer('GET', machinesPath, listed)
      .stream(machinesPath, [{ type: 'ERROR', object: { message: 'too old resource version' } }])

    await expect(get(aContext(api), ['vm'], { ...plain, watch: true })).rejects.toThrow(
      'too old resource version',
    )
  })

  test.each([
    ['name', ['vm'], 'virtualmachine.kvorum.dev/a\n'],
    ['json', ['vm/a'], `${JSON.stringify(a, null, 4)}\n`],
    ['yaml', ['vm/a'], 'apiVersion: kvorum.dev/v1alpha1\nkind: VirtualMachine\nmetadata:\n  name: a\n'],
    ['json', ['vm'], `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [a] }, null, 4)}\n`],
  ])('-o %s of %j prints objects', async (output, args, expected) => {
    const api = fakeApi()
      .answer('GET', `${machinesPath}/a`, { body: a })
      .answer('GET', machinesPath, { body: { kind: 'VirtualMachineList', items: [a] } })
    const context = aContext(api)

    await get(context, args, { ...plain, output })

    expect(context.printed()).toBe(expected)
  })

  test.each([
    [['vm'], { output: 'xml' }, '-o xml is not known: use wide, json, yaml, name'],
    [['vm,disk'], { watch: true }, '--watch follows one resource or object at a time'],
  ])('of %j refuses %j', async (args, options, message) => {
    await expect(get(aContext(fakeApi()), args, { ...plain, ...options })).rejects.toThrow(message)
  })
})
