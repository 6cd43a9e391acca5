import type { Discovery, ServedResource } from './discovery.ts'
import { UsageError } from './usage-error.ts'

/** What a command line names: a resource and, maybe, some of its objects. */
export interface Target {
  readonly resource: ServedResource
  /** Undefined: all of them. */
  readonly name: string | undefined
}

/** Reads `vm`, `vm hello other`, `vm/hello disk/data`, `vm,disk` and categories, as kubectl does. */
export function parseTargets(discovery: Discovery, args: readonly string[]): Target[] {
  const [first, ...names] = args
  if (first === undefined) throw new UsageError('say which resource, such as: vm, vm/hello, disk')
  if (args.every((arg) => arg.includes('/'))) return args.map((arg) => parsePair(discovery, arg))
  if (args.some((arg) => arg.includes('/')))
    throw new UsageError('write either TYPE NAME … or TYPE/NAME …, not both')
  const resources = first.split(',').flatMap((name) => {
    const category = discovery.byCategory(name)
    return category.length > 0 ? category : [discovery.byName(name)]
  })
  if (names.length === 0) return resources.map((resource) => ({ resource, name: undefined }))
  return resources.flatMap((resource) => names.map((name) => ({ resource, name })))
}

function parsePair(discovery: Discovery, arg: string): Target {
  const [type = '', name = '', ...rest] = arg.split('/')
  if (type === '' || name === '' || rest.length > 0) throw new UsageError(`"${arg}" is not TYPE/NAME`)
  return { resource: discovery.byName(type), name }
}
