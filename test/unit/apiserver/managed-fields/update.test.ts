import { describe, expect, test } from 'vitest'
import { updateManagedFields } from '../../../../apiserver/managed-fields/update.ts'
import type { JsonObject } from '../../../../crds/meta/json.ts'

const apiVersion = 'v1'
const map = (data: JsonObject, more: JsonObject = {}): JsonObject => ({
  apiVersion,
  kind: 'ConfigMap',
  metadata: { name: 'x', namespace: 'ns', uid: 'u', ...more },
  data,
})
const time = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`
const write = (old: JsonObject | undefined, next: JsonObject, manager: string, second = 0) =>
  updateManagedFields({ old, new: next, manager, schema: undefined, apiVersion, time: time(second) })
const managed = (object: JsonObject) =>
  ((object['metadata'] as JsonObject)['managedFields'] ?? []) as JsonObject[]
const edit = (object: JsonObject, data: JsonObject): JsonObject => ({ ...object, data })

describe('managed fields of updates', () => {
  test('a create owns every field, interior ones marked', () => {
    expect(managed(write(undefined, map({ a: '1' }, { labels: { l: 'v' } }), 'kubectl-create', 1))).toEqual([
      {
        manager: 'kubectl-create',
        operation: 'Update',
        apiVersion,
        time: time(1),
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { '.': {}, 'f:a': {} }, 'f:metadata': { 'f:labels': { '.': {}, 'f:l': {} } } },
      },
    ])
  })

  test('a change moves the field to the writer', () => {
    const created = write(undefined, map({ a: '1', b: '1' }), 'one', 1)
    const changed = managed(write(created, edit(created, { a: '2', b: '1' }), 'two', 2))
    expect(changed.map(({ manager, fieldsV1 }) => [manager, fieldsV1])).toEqual([
      ['one', { 'f:data': { '.': {}, 'f:b': {} } }],
      ['two', { 'f:data': { 'f:a': {} } }],
    ])
  })

  test('a removed field leaves every owner', () => {
    const created = write(undefined, map({ a: '1', b: '1' }), 'one', 1)
    expect(
      managed(write(created, edit(created, { b: '1' }), 'two', 2)).map(({ fieldsV1 }) => fieldsV1),
    ).toEqual([{ 'f:data': { '.': {}, 'f:b': {} } }])
  })

  test('a write that changes nothing keeps entries and time, and returns the object itself', () => {
    const created = write(undefined, map({ a: '1' }), 'one', 1)
    expect(write(created, created, 'two', 2)).toBe(created)
  })

  test('a client that drops managedFields does not lose them', () => {
    const created = write(undefined, map({ a: '1' }), 'one', 1)
    expect(managed(write(created, map({ a: '1' }), 'two', 2))).toEqual(managed(created))
  })

  test('an empty list of managedFields is none at all', () => {
    const created = write(undefined, map({ a: '1' }), 'one', 1)
    expect(managed(write(created, map({ a: '1' }, { managedFields: [] }), 'two', 2))).toEqual(
      managed(created),
    )
  })

  test('managedFields: [{}] ends the tracking, which later writes respect', () => {
    const created = write(undefined, map({ a: '1' }), 'one', 1)
    const untracked = write(created, map({ a: '1' }, { managedFields: [{}] }), 'two', 2)
    expect(managed(untracked)).toEqual([])
    expect((untracked['metadata'] as JsonObject)['managedFields']).toBeUndefined()
    expect(managed(write(untracked, edit(untracked, { a: '2' }), 'two', 3))).toEqual([])
  })

  test('a client may rewrite the entries, as kubectl does when it migrates', () => {
    const created = write(undefined, map({ a: '1' }), 'kubectl-client-side-apply', 1)
    const entries = managed(created).map((entry) => ({ ...entry, manager: 'kubectl', operation: 'Apply' }))
    const migrated = write(
      created,
      { ...created, metadata: { ...(created['metadata'] as JsonObject), managedFields: entries } },
      'kubectl',
      2,
    )
    expect(managed(migrated)).toEqual(entries)
  })

  test('entries that cannot be read are replaced by the stored ones', () => {
    const created = write(undefined, map({ a: '1' }), 'one', 1)
    const broken = map({ a: '1' }, { managedFields: [{ manager: 'x', operation: 'Nonsense' }] })
    expect(managed(write(created, broken, 'two', 2))).toEqual(managed(created))
  })

  test('through a subresource, the entries of the request do not count', () => {
    const created = write(undefined, map({ a: '1' }), 'one', 1)
    const request = {
      old: created,
      new: map({ a: '1' }, { managedFields: [{}] }),
      manager: 'two',
      schema: undefined,
      apiVersion,
      time: time(2),
    }
    expect(managed(updateManagedFields({ ...request, subresource: 'status' }))).toEqual(managed(created))
  })

  test('only ten updaters are kept apart', () => {
    let object = write(undefined, map({ k0: '0' }), 'm0', 0)
    for (let i = 1; i < 14; i++)
      object = write(object, edit(object, { ...(object['data'] as JsonObject), [`k${i}`]: '0' }), `m${i}`, i)
    const entries = managed(object)
    expect(entries).toHaveLength(10)
    expect(entries.find(({ manager }) => manager === 'ancient-changes')?.['fieldsV1']).toEqual({
      'f:data': { '.': {}, 'f:k0': {}, 'f:k1': {}, 'f:k2': {}, 'f:k3': {}, 'f:k4': {} },
    })
  })
})
