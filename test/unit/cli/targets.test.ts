import { describe, expect, test } from 'vitest'
import { parseTargets } from '../../../cli/targets.ts'
import { UsageError } from '../../../cli/usage-error.ts'
import { aDiscovery } from './fake-api.ts'

interface Case {
  readonly name: string
  readonly args: readonly string[]
  readonly targets: readonly string[]
}

const understood: Case[] = [
  { name: 'a short name means all objects', args: ['vm'], targets: ['virtualmachines'] },
  { name: 'a plural', args: ['virtualmachines'], targets: ['virtualmachines'] },
  { name: 'a kind, however it is written', args: ['VirtualMachine'], targets: ['virtualmachines'] },
  { name: 'a name with its group', args: ['disk.kvorum.dev'], targets: ['disks'] },
  {
    name: 'one resource with names',
    args: ['vm', 'a', 'b'],
    targets: ['virtualmachines/a', 'virtualmachines/b'],
  },
  { name: 'pairs', args: ['vm/a', 'disk/b'], targets: ['virtualmachines/a', 'disks/b'] },
  { name: 'several resources', args: ['vm,disk'], targets: ['virtualmachines', 'disks'] },
  {
    name: 'several resources with a name',
    args: ['vm,disk', 'a'],
    targets: ['virtualmachines/a', 'disks/a'],
  },
  {
    name: 'a category',
    args: ['kvorum'],
    targets: ['virtualmachines', 'disks', 'hosts', 'virtualmachineinstances'],
  },
]

const refused: [name: string, args: readonly string[], message: string][] = [
  ['nothing', [], 'say which resource, such as: vm, vm/hello, disk'],
  ['an unknown resource', ['pod'], `the server doesn't have a resource type "pod"`],
  [
    'pairs and names together',
    ['vm/a', 'b'],
    "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kvorum get resource/<resource_name>' instead of 'kvorum get resource resource/<resource_name>'",
  ],
  ['a pair without a name', ['vm/'], 'arguments in resource/name form must have a single resource and name'],
  ['a pair without a type', ['/a'], 'arguments in resource/name form must have a single resource and name'],
  ['a pair of three', ['vm/a/b'], 'arguments in resource/name form must have a single resource and name'],
]

describe('targets', () => {
  test.each(understood)('understands $name', ({ args, targets }) => {
    const parsed = parseTargets(aDiscovery(), args)

    const written = parsed.map(({ resource, name }) => [resource.plural, name].filter(Boolean).join('/'))
    expect(written).toEqual(targets)
  })

  test.each(refused)('refuses %s', (_, args, message) => {
    expect(() => parseTargets(aDiscovery(), args)).toThrow(new UsageError(message))
  })
})
