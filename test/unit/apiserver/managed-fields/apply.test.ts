import { describe, expect, test } from 'vitest'
import { apply } from '../../../../apiserver/managed-fields/apply.ts'
import type { JsonObject } from '../../../../crds/meta/json.ts'
import { apiVersion, at, bare, entriesOf, owned, put, schema, specOf, ssa, vm, withSpec } from './writes.ts'

describe('server-side apply', () => {
  test('creates the object with its defaults, and owns what was applied and no more', () => {
    const object = apply({
      live: undefined,
      applied: vm({ a: '1', nics: [{ name: 'eth0' }] }),
      manager: 'me',
      force: false,
      schema,
      apiVersion,
      time: at(1),
    }).object
    expect(specOf(object)).toEqual({ a: '1', size: 1, nics: [{ name: 'eth0', mtu: 1500 }] })
    expect(entriesOf(object)).toEqual([
      {
        manager: 'me',
        operation: 'Apply',
        apiVersion,
        time: at(1),
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:spec': { 'f:a': {}, 'f:nics': { 'k:{"name":"eth0"}': { '.': {}, 'f:name': {} } } } },
      },
    ])
  })

  test('returns the live object itself when the same is applied again', () => {
    const live = ssa(
      undefined,
      vm({ a: '1', nics: [{ name: 'eth0' }], set: ['x'], atomicMap: { k: 'v' } }),
      'me',
    )
    expect(ssa(live, vm({ a: '1', nics: [{ name: 'eth0' }], set: ['x'], atomicMap: { k: 'v' } }), 'me')).toBe(
      live,
    )
  })

  test('refuses to change what another applier owns, naming owner and field', () => {
    const live = ssa(undefined, vm({ a: '1', b: '1' }), 'alice')
    expect(() => ssa(live, vm({ a: '2' }), 'bob')).toThrow(
      expect.objectContaining({
        reason: 'Conflict',
        code: 409,
        message: 'Apply failed with 1 conflict: conflict with "alice": .spec.a',
        details: {
          causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "alice"', field: '.spec.a' }],
        },
      }),
    )
  })

  test('names the version of an updater, and lists several conflicts by owner', () => {
    const live = put(ssa(undefined, vm({ a: '1', nics: [{ name: 'eth0', mac: 'm' }] }), 'alice'), vm({}), 'x')
    const created = put(undefined, vm({ a: '1', nics: [{ name: 'eth0', mac: 'm' }] }), 'web')
    expect(live).toBeDefined()
    expect(() => ssa(created, vm({ a: '2', nics: [{ name: 'eth0', mac: 'n' }] }), 'bob')).toThrow(
      `Apply failed with 2 conflicts: conflicts with "web" using ${apiVersion}:\n- .spec.a\n- .spec.nics[name="eth0"].mac`,
    )
  })

  test('takes over by force', () => {
    const live = ssa(undefined, vm({ a: '1', b: '1' }), 'alice')
    const forced = ssa(live, vm({ a: '2' }), 'bob', { force: true })
    expect(specOf(forced)).toEqual({ a: '2', b: '1', size: 1 })
    expect(owned(forced, 'alice')).toEqual({ 'f:spec': { 'f:b': {} } })
    expect(owned(forced, 'bob')).toEqual({ 'f:spec': { 'f:a': {} } })
  })

  test('shares a field when both apply the same value, and keeps it when one lets go', () => {
    const live = ssa(ssa(undefined, vm({ a: '1' }), 'alice'), vm({ a: '1' }), 'bob')
    expect(owned(live, 'alice')).toEqual(owned(live, 'bob'))
    const after = ssa(live, vm({ b: '1' }), 'alice')
    expect(specOf(after)).toEqual({ a: '1', b: '1', size: 1 })
    const gone = ssa(after, bare, 'bob')
    expect(specOf(gone)).toEqual({ b: '1', size: 1 })
    expect(owned(gone, 'bob')).toBeUndefined()
  })

  test('a new owner of an unchanged object gets an entry without a time, as in Kubernetes', () => {
    const live = ssa(ssa(undefined, vm({ a: '1' }), 'alice'), vm({ a: '1' }), 'bob')
    expect(entriesOf(live).find(({ manager }) => manager === 'bob')?.['time']).toBeUndefined()
  })

  test('removes what it applied before and does not apply now', () => {
    const live = ssa(
      undefined,
      vm({ a: '1', labels: { x: '1', y: '2' }, nics: [{ name: 'eth0' }, { name: 'eth1' }] }),
      'me',
    )
    const after = ssa(live, vm({ labels: { y: '2' }, nics: [{ name: 'eth1' }] }), 'me')
    expect(specOf(after)).toEqual({ size: 1, labels: { y: '2' }, nics: [{ name: 'eth1', mtu: 1500 }] })
  })

  test('removes a map with its last key, and a list with its last element', () => {
    const live = ssa(
      undefined,
      vm({ a: '1', labels: { x: '1' }, nics: [{ name: 'eth0' }], set: ['p'], nested: { x: '1' } }),
      'me',
    )
    expect(specOf(ssa(live, vm({ a: '1' }), 'me'))).toEqual({ a: '1', size: 1 })
  })

  test('keeps an element that somebody else has a field in', () => {
    const live = ssa(undefined, vm({ nics: [{ name: 'eth0', mac: 'm' }] }), 'me')
    const changed = ssa(live, vm({ nics: [{ name: 'eth0', mtu: 9000 }] }), 'other', { force: true })
    const after = ssa(changed, vm({}), 'me')
    expect(specOf(after)).toEqual({ size: 1, nics: [{ name: 'eth0', mtu: 9000 }] })
  })

  test('keeps what nobody owns, such as a default, in an element that stays', () => {
    const live = ssa(undefined, vm({ nics: [{ name: 'eth0', mac: 'm' }] }), 'me')
    const after = ssa(live, vm({ nics: [{ name: 'eth0' }] }), 'me')
    expect(specOf(after)).toEqual({ size: 1, nics: [{ name: 'eth0', mtu: 1500 }] })
  })

  test('owns atomic maps and lists as a whole', () => {
    const live = ssa(undefined, vm({ atomicMap: { k: 'v' }, atomicList: ['a'] }), 'me')
    expect(owned(live, 'me')).toEqual({ 'f:spec': { 'f:atomicList': {}, 'f:atomicMap': {} } })
    expect(() => ssa(live, vm({ atomicMap: { j: 'w' } }), 'other')).toThrow('.spec.atomicMap')
    const replaced = ssa(live, vm({ atomicMap: { j: 'w' }, atomicList: ['b'] }), 'me')
    expect(specOf(replaced)).toEqual({ size: 1, atomicMap: { j: 'w' }, atomicList: ['b'] })
  })

  test('merges sets, owned element by element', () => {
    const live = ssa(ssa(undefined, vm({ set: ['a', 'b'] }), 'me'), vm({ set: ['b', 'c'] }), 'other')
    expect(specOf(live)).toEqual({ size: 1, set: ['a', 'b', 'c'] })
    expect(owned(live, 'other')).toEqual({ 'f:spec': { 'f:set': { 'v:"b"': {}, 'v:"c"': {} } } })
    expect(specOf(ssa(live, vm({ set: ['b'] }), 'me'))).toEqual({ size: 1, set: ['b', 'c'] })
  })

  test('tells elements by keys that have defaults', () => {
    const live = ssa(undefined, vm({ ports: [{ port: 80, target: 'a' }] }), 'me')
    expect(owned(live, 'me')).toEqual({
      'f:spec': {
        'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:target': {} } },
      },
    })
    const after = ssa(live, vm({ ports: [{ port: 80, protocol: 'UDP', target: 'b' }] }), 'other')
    expect(specOf(after)).toEqual({
      size: 1,
      ports: [
        { port: 80, protocol: 'TCP', target: 'a' },
        { port: 80, protocol: 'UDP', target: 'b' },
      ],
    })
  })

  test('an updater takes fields from an applier, whose next apply conflicts', () => {
    const live = ssa(undefined, vm({ a: '1', b: '1' }), 'me')
    const edited = put(live, withSpec(live, { a: '2' }), 'editor')
    expect(owned(edited, 'me')).toEqual({ 'f:spec': { 'f:b': {} } })
    expect(owned(edited, 'editor')).toEqual({ 'f:spec': { 'f:a': {} } })
    expect(() => ssa(edited, vm({ a: '1', b: '1' }), 'me')).toThrow(
      `conflict with "editor" using ${apiVersion}: .spec.a`,
    )
    expect(specOf(ssa(edited, vm({ b: '1' }), 'me'))).toEqual({ a: '2', b: '1', size: 1 })
  })

  test('what was there before the first apply has an owner of its own', () => {
    const untracked = { ...vm({ a: '1', b: '1' }), metadata: { name: 'x', namespace: 'ns', uid: 'u' } }
    expect(() => ssa(untracked, vm({ a: '2' }), 'me')).toThrow(
      `conflict with "before-first-apply" using ${apiVersion}: .spec.a`,
    )
    expect(owned(ssa(untracked, vm({ a: '1' }), 'me'), 'before-first-apply')).toEqual({
      'f:spec': { '.': {}, 'f:a': {}, 'f:b': {} },
    })
  })

  test('a subresource is a manager of its own and leaves the rest alone', () => {
    const live = ssa(undefined, vm({ a: '1' }), 'me', { resetFields: ['status'] })
    const applied = vm({}, { status: { phase: 'Up' } })
    const after = ssa(live, applied, 'me', { subresource: 'status' })
    expect(after['status']).toEqual({ phase: 'Up' })
    expect(
      entriesOf(after).map(({ manager, subresource, fieldsV1 }) => ({ manager, subresource, fieldsV1 })),
    ).toEqual(
      expect.arrayContaining([
        { manager: 'me', subresource: undefined, fieldsV1: { 'f:spec': { 'f:a': {} } } },
        { manager: 'me', subresource: 'status', fieldsV1: { 'f:status': { 'f:phase': {} } } },
      ]),
    )
    expect(() => ssa(after, vm({}, { status: { phase: 'Down' } }), 'you', { subresource: 'status' })).toThrow(
      'conflict with "me" with subresource "status": .status.phase',
    )
  })

  test('labels and finalizers are merged, owner references are told by uid', () => {
    const meta = (more: JsonObject) => ({
      apiVersion,
      kind: 'VM',
      metadata: { name: 'x', namespace: 'ns', ...more },
    })
    const live = ssa(undefined, meta({ labels: { a: '1' }, finalizers: ['f/1'] }), 'me')
    const after = ssa(
      live,
      meta({ labels: { b: '2' }, finalizers: ['f/2'], ownerReferences: [{ uid: 'u', name: 'n' }] }),
      'other',
    )
    expect(after['metadata']).toMatchObject({ labels: { a: '1', b: '2' }, finalizers: ['f/1', 'f/2'] })
    expect(owned(after, 'other')).toEqual({
      'f:metadata': {
        'f:finalizers': { 'v:"f/2"': {} },
        'f:labels': { 'f:b': {} },
        'f:ownerReferences': { 'k:{"uid":"u"}': {} },
      },
    })
  })

  test('without a schema, objects are taken apart and lists are atomic', () => {
    const live = ssa(undefined, vm({ x: { y: 1 }, list: [{ name: 'a' }] }), 'me', { schema: undefined })
    expect(owned(live, 'me')).toEqual({ 'f:spec': { '.': {}, 'f:list': {}, 'f:x': { '.': {}, 'f:y': {} } } })
  })

  const refusals: [string, JsonObject, string][] = [
    [
      'a field that the schema does not know',
      vm({ nope: 1 }),
      'failed to create typed patch object (ns/x; kvorum.dev/v1alpha1, Kind=VM): .spec.nope: field not declared in schema',
    ],
    [
      'an element twice',
      vm({ nics: [{ name: 'a' }, { name: 'a' }] }),
      '.spec.nics: duplicate entries for key [name="a"]',
    ],
    [
      'an element without keys',
      vm({ nics: [{ mac: 'a' }] }),
      'element 0: associative list with keys has an element that omits all key fields ["name"]',
    ],
    ['a scalar for a map', vm({ labels: 'x' }), '.spec.labels: expected map, got &{x}'],
    [
      'another version',
      { ...vm({}), apiVersion: 'kvorum.dev/v2' },
      'Incorrect version specified in apply patch. Specified patch version: kvorum.dev/v2, expected: kvorum.dev/v1alpha1',
    ],
    [
      'managedFields',
      { apiVersion, kind: 'VM', metadata: { name: 'x', managedFields: [] } },
      'metadata.managedFields must be nil',
    ],
  ]
  test.each(refusals)('refuses %s', (_, applied, message) => {
    // What cannot be taken apart is refused as Kubernetes does, without a reason.
    const reason = message.includes('must be nil') || message.startsWith('Incorrect') ? 'BadRequest' : ''
    expect(() => ssa(undefined, applied, 'me')).toThrow(
      expect.objectContaining({ reason, message: expect.stringContaining(message) as string }),
    )
  })

  test('kubectl takes over from its own client-side apply without a conflict', () => {
    const applied = vm({ a: '1' })
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration'
    const annotated = {
      ...applied,
      metadata: { name: 'x', namespace: 'ns', annotations: { [annotation]: JSON.stringify(applied) } },
    }
    const live = put(undefined, annotated, 'kubectl-client-side-apply')
    const after = ssa(live, vm({ a: '2' }), 'kubectl')
    expect(specOf(after)).toMatchObject({ a: '2' })
    expect((after['metadata'] as JsonObject)['annotations']).toEqual({
      [annotation]: `${JSON.stringify(vm({ a: '2' }))}\n`,
    })
    expect(() => ssa(live, vm({ a: '2' }), 'somebody')).toThrow('conflict with "kubectl-client-side-apply"')
  })
})
