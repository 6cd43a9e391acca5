import type { Quantity } from '../../../apimachinery/quantity.ts'
import { at, objectAt, textAt, type KubeObject } from '../../registry/kube-object.ts'
import type { ResourceDefinition } from '../../registry/resource-definition.ts'
import { isJsonObject, type JsonObject } from '../../../crds/meta/json.ts'
import { amount, amountOf, type Usage } from './usage.ts'

/** What one object of a kind uses beside being one object. */
interface Measure {
  readonly names: (name: string) => boolean
  readonly usage: (object: KubeObject) => Map<string, Quantity>
}

const machineNames = new Set([
  'cpu',
  'requests.cpu',
  'limits.cpu',
  'memory',
  'requests.memory',
  'limits.memory',
])

/** A machine that is meant to be off, or asleep on its storage, takes nothing of a host. */
const atRest = new Set(['Stopped', 'Suspended'])

const machine: Measure = {
  names: (name) => machineNames.has(name),
  usage(object) {
    const spec = objectAt(object, 'spec')
    if (atRest.has(textAt(spec, 'power'))) return new Map()
    const cpus = countAt(spec, 'sockets') * countAt(spec, 'cores') * countAt(spec, 'threads')
    const { size, guaranteed } = memoryOf(spec)
    const usage = new Map<string, Quantity>()
    for (const name of ['cpu', 'requests.cpu', 'limits.cpu']) usage.set(name, amount(name, cpus))
    for (const name of ['memory', 'requests.memory']) usage.set(name, amountOf(name, guaranteed))
    return usage.set('limits.memory', amountOf('limits.memory', size))
  },
}

function countAt(spec: JsonObject, name: string): number {
  const count = at(spec, 'cpu', name)
  return typeof count === 'number' ? count : 1
}

/** What the guest has, and what its host never takes back. */
function memoryOf(spec: JsonObject): { size: JsonObject[string]; guaranteed: JsonObject[string] } {
  const { memory } = spec
  if (!isJsonObject(memory)) return { size: memory, guaranteed: memory }
  return { size: memory['size'], guaranteed: memory['guaranteed'] ?? memory['size'] }
}

const domainSuffix = '.storagedomain.kvorum.dev'

/** A disk that takes its size from an image is as large as it has turned out. */
const disk: Measure = {
  names: (name) => name === 'requests.storage' || name.includes(`${domainSuffix}/`),
  usage(object) {
    const name = 'requests.storage'
    const asked = amountOf(name, at(object, 'spec', 'size'))
    const there = amountOf(name, at(object, 'status', 'capacityBytes'))
    const size = there.nanos > asked.nanos ? there : asked
    const domain = textAt(object, 'spec', 'storageDomain', 'name')
    return new Map([
      [name, size],
      [`${domain}${domainSuffix}/${name}`, size],
      [`${domain}${domainSuffix}/disks`, amount('disks', 1)],
    ])
  },
}

const measures: Readonly<Record<string, Measure>> = {
  'virtualmachines.kvorum.dev': machine,
  'disks.kvorum.dev': disk,
}

/** Core kinds that quotas may name without `count/`. */
const shortNames = new Set(['configmaps', 'resourcequotas', 'secrets', 'services'])

function qualified({ group, plural }: ResourceDefinition): string {
  return group === '' ? plural : `${plural}.${group}`
}

/** Whether objects of a kind count towards a resource of a quota. */
export function isMeasuredBy(definition: ResourceDefinition, name: string): boolean {
  if (!definition.namespaced) return false
  return countsObjects(definition, name) || (measures[qualified(definition)]?.names(name) ?? false)
}

/** Whether every object of a kind counts as one towards a resource, whatever is in it. */
export function countsObjects(definition: ResourceDefinition, name: string): boolean {
  const own = qualified(definition)
  return name === `count/${own}` || (definition.group === '' && shortNames.has(own) && name === own)
}

/** True when more than the number of objects matters. */
export function looksInside(definition: ResourceDefinition): boolean {
  return qualified(definition) in measures
}

/** Everything that one object uses. */
export function usageOf(definition: ResourceDefinition, object: KubeObject): Usage {
  const own = qualified(definition)
  const usage = measures[own]?.usage(object) ?? new Map<string, Quantity>()
  usage.set(`count/${own}`, amount('count', 1))
  if (definition.group === '' && shortNames.has(own)) usage.set(own, amount('count', 1))
  return usage
}
