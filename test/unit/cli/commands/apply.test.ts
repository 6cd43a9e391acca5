import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { apply } from '../../../../cli/commands/apply.ts'
import { deleteObjects } from '../../../../cli/commands/delete.ts'
import { aContext, fakeApi, machinesPath } from '../fake-api.ts'

const hostPath = '/apis/kvorum.dev/v1alpha1/hosts/h'
const vmPath = `${machinesPath}/a`
const notFound = new StatusError('NotFound', 'not found')
const version = (resourceVersion: string) => ({ body: { metadata: { name: 'a', resourceVersion } } })
const kvorum = 'apiVersion: kvorum.dev/v1alpha1'
const machine = `${kvorum}\nkind: VirtualMachine\nmetadata:\n  name: a\n`

let directory: string
let file: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-apply-'))
  file = join(directory, 'a.yaml')
  await writeFile(file, machine)
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('apply', () => {
  test.each([
    ['created', [notFound], { ...version('5') }],
    ['configured', [version('4')], version('5')],
    ['unchanged', [version('5')], version('5')],
  ])('says that an object was %s', async (what, before, after) => {
    const api = fakeApi()
      .answer('GET', vmPath, ...before)
      .answer('PATCH', vmPath, after)
    const context = aContext(api)

    await apply(context, { filename: [file] })

    expect(context.printed()).toBe(`virtualmachine.kvorum.dev/a ${what}\n`)
    expect(api.requests.at(-1)).toMatchObject({
      contentType: 'application/apply-patch+yaml',
      query: { fieldManager: 'kvorum', fieldValidation: 'Strict', force: 'false' },
      body: { kind: 'VirtualMachine', metadata: { name: 'a' } },
    })
  })

  test('passes on force and dry run', async () => {
    const api = fakeApi()
      .answer('GET', vmPath, notFound)
      .answer('PATCH', vmPath, { ...version('1') })
    const context = aContext(api)

    await apply(context, { filename: [file], forceConflicts: true, dryRun: 'server' })

    expect(context.printed()).toBe('virtualmachine.kvorum.dev/a created (server dry run)\n')
    expect(api.requests.at(-1)?.query).toMatchObject({ force: 'true', dryRun: 'All' })
  })

  test('stops at the first refusal and shows it as it is', async () => {
    const refusal = new StatusError('Invalid', 'spec.memory.size: must be positive')
    const api = fakeApi().answer('GET', vmPath, notFound).answer('PATCH', vmPath, refusal)

    await expect(apply(aContext(api), { filename: [file] })).rejects.toBe(refusal)
  })

  test('puts a namespaced object where the object says, else where the command line says', async () => {
    await writeFile(file, `${machine}---\n${machine.replace('name: a', 'name: a\n  namespace: other')}`)
    const here = '/apis/kvorum.dev/v1alpha1/namespaces/lab/virtualmachines/a'
    const there = '/apis/kvorum.dev/v1alpha1/namespaces/other/virtualmachines/a'
    const api = fakeApi()
    for (const path of [here, there]) api.answer('GET', path, notFound).answer('PATCH', path, version('1'))

    await apply(aContext(api, { namespace: 'lab' }), { filename: [file] })

    const patched = api.requests.filter(({ method }) => method === 'PATCH').map(({ path }) => path)
    expect(patched).toEqual([here, there])
  })
})

describe('delete', () => {
  const options = { wait: true, timeout: '5m' }

  test('waits until the objects of the files are gone', async () => {
    await writeFile(join(directory, 'b.yaml'), `${kvorum}\nkind: Host\nmetadata:\n  name: h\n`)
    const api = fakeApi()
      .answer('DELETE', vmPath, { body: {} })
      .answer('DELETE', hostPath, { body: {} })
      .answer('GET', machinesPath, { body: { metadata: { resourceVersion: '5' }, items: [{ kind: 'x' }] } })
      .answer('GET', '/apis/kvorum.dev/v1alpha1/hosts', { body: { metadata: {}, items: [] } })
      .stream(machinesPath, [{ type: 'DELETED', object: { metadata: { name: 'a' } } }])
    const context = aContext(api)

    await deleteObjects(context, [], { ...options, filename: [directory] })

    expect(context.printed()).toBe('virtualmachine.kvorum.dev "a" deleted\nhost.kvorum.dev "h" deleted\n')
  })

  test('takes what is gone already for an error, unless told otherwise', async () => {
    const api = fakeApi().answer('DELETE', vmPath, notFound)

    await expect(deleteObjects(aContext(api), ['vm/a'], options)).rejects.toBe(notFound)
    await deleteObjects(aContext(api), ['vm/a'], { ...options, ignoreNotFound: true })

    expect(api.requests.map(({ method }) => method)).toEqual(['DELETE', 'DELETE'])
  })

  test('never deletes all objects of a resource', async () => {
    const api = fakeApi()

    await expect(deleteObjects(aContext(api), ['vm'], options)).rejects.toThrow(
      'resource(s) were provided, but no name was specified',
    )
    expect(api.requests).toEqual([])
  })
})
