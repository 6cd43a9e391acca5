import type { Discovery, ServedResource } from './discovery.ts'
import { UsageError } from './usage-error.ts'

/** What a command line names: a resource and, maybe, one of its objects. */
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
  if (args.some((arg) => arg.includes('/'))) {
    throw new UsageError(
      'there is no need to specify a resource type as a separate argument when passing arguments in resource/name ' +
        "form (e.g. 'kvorum get resource/<resource_name>' instead of 'kvorum get resource resource/<resource_name>'",
    )
  }
  const resources = parseResources(discovery, first)
  if (names.length === 0) return resources.map((resource) => ({ resource, name: undefined }))
  return resources.flatMap((resource) => names.map((name) => ({ resource, name })))
}

/** `vm,disk`, and categories such as `all`; each resource once. */
export function parseResources(discovery: Discovery, words: string): ServedResource[] {
  const found = words.split(',').flatMap((word) => {
    if (word === '') throw new UsageError('arguments in resource/name form may not have an empty resource')
    const category = discovery.byCategory(word)
    return category.length > 0 ? category : [discovery.byName(word)]
  })
  return [...new Set(found)]
}

function parsePair(discovery: Discovery, arg: string): Target {
  const [type = '', name = '', ...rest] = arg.split('/')
  if (type === '' || name === '' || rest.length > 0) {
    throw new UsageError('arguments in resource/name form must have a single resource and name')
  }
  return { resource: discovery.byName(type), name }
}
