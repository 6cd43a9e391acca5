import { randomInt } from 'node:crypto'
import { isAlreadyExists, StatusError } from '../../apimachinery/status-error.ts'
import { timestamp } from '../../apimachinery/clock.ts'
import { mutateNew, validateWrite, type AdmittedWrite } from '../admission/admit-write.ts'
import { objectReply, type Reply, type RequestContext } from '../http/exchange.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { prepareForCreate, validateNew } from '../registry/prepare-object.ts'
import { keyOf, type ResourceDefinition } from '../registry/resource-definition.ts'
import { matchUrl, readObject } from './incoming.ts'
import { parseWriteOptions } from './query-options.ts'
import { renderWritten } from './render-written.ts'
import { authorOf, type Author, type HandlerServices, type Target } from './services.ts'

/** POST: stores a new object under its name, or under one made from `generateName`. */
export async function createObject(
  services: HandlerServices,
  target: Target,
  context: RequestContext,
): Promise<Reply> {
  const { definition, namespace } = target
  const options = parseWriteOptions(context, 'CreateOptions')
  const given = await readObject(definition, context, options.fieldValidation)
  const object = matchUrl(definition, given, { namespace, name: '' })
  const stored = await storeNew(services, definition, object, authorOf(context, options))
  return objectReply(renderWritten(services, definition, context, stored), 201)
}

// Kubernetes leaves out vowels and look-alikes, so that no name spells a word.
const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789'
const suffixLength = 5
const maxBaseLength = 63 - suffixLength
const maxNameAttempts = 8

/** Completes, admits, validates and writes a new object. Tries other names when a generated one is taken. */
export async function storeNew(
  services: HandlerServices,
  definition: ResourceDefinition,
  given: KubeObject,
  author: Author,
): Promise<KubeObject> {
  const target: Target = { definition, namespace: given.metadata.namespace ?? '', name: '' }
  const write = { services, target, author }
  const object = await completed(write, given)
  const { name, generateName } = object.metadata
  if (name || !generateName) return await storeNamed(write, object)
  for (let attempt = 1; ; attempt++) {
    const named = { ...object, metadata: { ...object.metadata, name: withSuffix(generateName) } }
    definition.strategy.prepareForCreate(named, author.user)
    try {
      return await storeNamed(write, named)
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
      if (attempt === maxNameAttempts) throw unluckyName(error as StatusError)
    }
  }
}

interface NewWrite extends AdmittedWrite {
  readonly services: HandlerServices
}

/** The object with what the server and admission add, under its name unless that is to be generated. */
async function completed(write: NewWrite, given: KubeObject): Promise<KubeObject> {
  const { services, target, author } = write
  const { definition } = target
  const { manager, user, signal } = author
  const now = timestamp(services.clock)
  const prepared = prepareForCreate(definition, given, { now, user })
  await services.namespaces.checkCreate(definition, prepared, signal)
  const ownership = { definition, current: undefined, manager, subresource: '', now }
  const owned = services.ownership.afterUpdate(ownership, prepared)
  return await mutateNew(write, owned, now)
}

async function storeNamed(write: NewWrite, object: KubeObject): Promise<KubeObject> {
  const { services, target, author } = write
  const { definition } = target
  validateNew(definition, object)
  await validateWrite(write, 'CREATE', { object })
  const key = keyOf(definition, object.metadata.namespace ?? '', object.metadata.name ?? '')
  return await services.objects.create(definition, key, object, author)
}

function withSuffix(base: string): string {
  let suffix = ''
  while (suffix.length < suffixLength) suffix += suffixAlphabet[randomInt(suffixAlphabet.length)]
  return base.slice(0, maxBaseLength) + suffix
}

function unluckyName(cause: StatusError): StatusError {
  return new StatusError(
    'AlreadyExists',
    `${cause.message}, the server was not able to generate a unique name for the object`,
    {
      details: { ...cause.details, retryAfterSeconds: 1 },
      cause,
    },
  )
}
