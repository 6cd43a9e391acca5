import { describe, expect, test } from 'vitest'
import { isMeasuredBy, usageOf } from '../../../../apiserver/admission/quota/measures.ts'
import {
  added,
  exceeding,
  increase,
  subtracted,
  toJson,
  usageFrom,
  usageText,
} from '../../../../apiserver/admission/quota/usage.ts'
import { configMaps } from '../../../../apiserver/registry/builtin/config.ts'
import type { KubeObject } from '../../../../apiserver/registry/kube-object.ts'
import type { ResourceDefinition } from '../../../../apiserver/registry/resource-definition.ts'

const kind = (plural: string): ResourceDefinition => ({ ...configMaps, group: 'kvorum.dev', plural })
const machine = (spec: object): KubeObject =>
  ({ apiVersion: 'kvorum.dev/v1alpha1', kind: 'VirtualMachine', metadata: {}, spec }) as KubeObject

describe('amounts', () => {
  test('are added, subtracted and compared whatever their units', () => {
    const used = usageFrom({ memory: '1Gi', cpu: 2 })
    const more = usageFrom({ memory: '512Mi', cpu: '500m' })
    expect(toJson(added(used, more))).toEqual({ cpu: '2500m', memory: '1536Mi' })
    expect(toJson(subtracted(used, usageFrom({ memory: '2Gi', cpu: '1' })))).toEqual({
      cpu: '1',
      memory: '0',
    })
    expect(exceeding(added(used, more), usageFrom({ memory: '1Gi', cpu: 9 }))).toEqual(new Set(['memory']))
    expect(toJson(increase(used, more))).toEqual({ cpu: '1500m', memory: '512Mi' })
    expect(increase(more, used).size).toBe(0)
    expect(usageText(used)).toBe('cpu=2,memory=1Gi')
  })
})

describe('objects', () => {
  test('count, in core also by their short name', () => {
    const one = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} } as KubeObject
    expect(toJson(usageOf(configMaps, one))).toEqual({ configmaps: '1', 'count/configmaps': '1' })
    expect(isMeasuredBy(configMaps, 'count/configmaps')).toBe(true)
    expect(isMeasuredBy(configMaps, 'cpu')).toBe(false)
    expect(isMeasuredBy({ ...configMaps, namespaced: false }, 'configmaps')).toBe(false)
  })

  test('machines use threads and memory, unless they are meant to be off', () => {
    const machines = kind('virtualmachines')
    const spec = { cpu: { sockets: 2, cores: 3 }, memory: { size: '4Gi', guaranteed: '1Gi' } }
    expect(toJson(usageOf(machines, machine(spec)))).toEqual({
      'count/virtualmachines.kvorum.dev': '1',
      cpu: '6',
      'requests.cpu': '6',
      'limits.cpu': '6',
      memory: '1Gi',
      'requests.memory': '1Gi',
      'limits.memory': '4Gi',
    })
    expect(toJson(usageOf(machines, machine({ ...spec, power: 'Stopped' })))).toEqual({
      'count/virtualmachines.kvorum.dev': '1',
    })
    expect(toJson(usageOf(machines, machine({ memory: '2Gi' })))).toMatchObject({ cpu: '1', memory: '2Gi' })
  })

  test('disks use what they have turned out to take', () => {
    const disk = {
      ...machine({ size: '10Gi', storageDomain: { name: 'fast' } }),
      status: { capacityBytes: 2 ** 34 },
    }
    expect(toJson(usageOf(kind('disks'), disk))).toEqual({
      'count/disks.kvorum.dev': '1',
      'fast.storagedomain.kvorum.dev/disks': '1',
      'fast.storagedomain.kvorum.dev/requests.storage': '16Gi',
      'requests.storage': '16Gi',
    })
    expect(isMeasuredBy(kind('disks'), 'fast.storagedomain.kvorum.dev/requests.storage')).toBe(true)
  })
})
