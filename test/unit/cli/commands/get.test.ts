import { describe, expect, test } from 'vitest'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { get } from '../../../../cli/commands/get.ts'
import type { GetOptions } from '../../../../cli/commands/get-tables.ts'
import { aContext, fakeApi, machinesPath } from '../fake-api.ts'

const plain: GetOptions = { headers: true }
const columnDefinitions = [
  { name: 'Name', type: 'string', format: 'name' },
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
      limit: '500',
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
        'NAME                PHASE\ndisk.kvorum.dev/a   Running\n',
    )
  })

  test('of all namespaces asks for all of them', async () => {
    const api = fakeApi().answer('GET', '/apis/kvorum.dev/v1alpha1/virtualmachines', empty)
    const context = aContext(api)

    await get(context, ['vm'], { ...plain, allNamespaces: true })

    expect(context.errors()).toBe('No resources found\n')
  })

  test('--watch goes on with what changes, from where the list was, and after the server ended it', async () => {
    const change = (phase: string, resourceVersion: string) => {
      const object = { metadata: { name: 'a', resourceVersion } }
      return { type: 'MODIFIED', object: { kind: 'Table', rows: [{ cells: ['a', phase], object }] } }
    }
    const stop = new AbortController()
    const api = fakeApi()
      .answer('GET', machinesPath, listed)
      .stream(
        machinesPath,
        [{ type: 'BOOKMARK', object: { kind: 'Table', rows: [] } }, change('Stopping', '10')],
        [change('Stopped', '11')],
      )
    const context = aContext(api, { signal: stop.signal })

    const watching = get(context, ['vm'], { ...plain, watch: true }).catch((error: Error) => error.name)
    for (let ended = 0; ended < 2; ended++) {
      await context.clock.timerSet()
      await context.clock.advance(1_000)
    }
    stop.abort()

    expect(await watching).toBe('AbortError')
    expect(context.printed()).toBe('NAME   PHASE\na      Running\na      Stopping\na      Stopped\n')
    expect(api.requests.slice(1, 3).map(({ query }) => query?.['resourceVersion'])).toEqual(['9', '10'])
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
    [
      'json',
      ['vm'],
      `${JSON.stringify({ apiVersion: 'v1', items: [a], kind: 'List', metadata: { resourceVersion: '' } }, null, 4)}\n`,
    ],
  ])('-o %s of %j prints objects', async (output, args, expected) => {
    const api = fakeApi()
      .answer('GET', `${machinesPath}/a`, { body: a })
      .answer('GET', machinesPath, { body: { kind: 'VirtualMachineList', items: [a] } })
    const context = aContext(api)

    await get(context, args, { ...plain, output })

    expect(context.printed()).toBe(expected)
  })

  test.each([
    [
      ['vm'],
      { output: 'xml' },
      'unable to match a printer suitable for the output format "xml", allowed formats are:',
    ],
    [
      ['vm,disk'],
      { watch: true },
      'watch is only supported on individual resources and resource collections',
    ],
  ])('of %j refuses %j', async (args, options, message) => {
    await expect(get(aContext(fakeApi()), args, { ...plain, ...options })).rejects.toThrow(message)
  })
})

describe('get of what is not all there', () => {
  const gone = new StatusError('NotFound', 'virtualmachines.kvorum.dev "b" not found')
  const api = () =>
    fakeApi().answer('GET', `${machinesPath}/a`, listed).answer('GET', `${machinesPath}/b`, gone)

  test('prints what there is, and fails', async () => {
    const context = aContext(api())

    await expect(get(context, ['vm', 'b', 'a'], plain)).rejects.toBe(gone)

    expect(context.printed()).toBe('NAME   PHASE\na      Running\n')
  })

  test('does not fail with --ignore-not-found', async () => {
    const context = aContext(api())

    await get(context, ['vm', 'b'], { ...plain, ignoreNotFound: true })

    expect([context.printed(), context.errors()]).toEqual(['', ''])
  })
})

describe('get of many', () => {
  test('reads page after page and aligns them as one table', async () => {
    const page = (name: string, next: string) => ({
      body: {
        kind: 'Table',
        metadata: { resourceVersion: '9', continue: next },
        columnDefinitions,
        rows: [row(name, 'Running')],
      },
    })
    const api = fakeApi().answer('GET', machinesPath, page('short', 'token'), page('rather-long', ''))
    const context = aContext(api)

    await get(context, ['vm'], { ...plain, chunkSize: '1' })

    expect(context.printed()).toBe('NAME          PHASE\nshort         Running\nrather-long   Running\n')
    expect(api.requests.map(({ query }) => query?.['continue'])).toEqual([undefined, 'token'])
  })

  test('sorts by a field of the objects, which it asks the server for', async () => {
    const object = (name: string, size: string) => ({
      ...row(name, 'Running'),
      object: { metadata: { name }, spec: { size } },
    })
    const rows = [object('a', '10Gi'), object('b', '9Gi'), object('c', '512Mi')]
    const api = fakeApi().answer('GET', machinesPath, { body: { kind: 'Table', columnDefinitions, rows } })
    const context = aContext(api)

    await get(context, ['vm'], { ...plain, headers: false, sortBy: '.spec.size' })

    expect(context.printed().match(/^\w/gm)).toEqual(['c', 'b', 'a'])
    expect(api.requests[0]?.query).toMatchObject({ includeObject: 'Object' })
  })
})
