import { parseDocument } from 'yaml'
import { z } from 'zod'
import { aesCbc, aesGcm, identity, type Transformer } from './transformer.ts'

/** A resource as configurations name it: `secrets`, `roles.rbac.authorization.k8s.io`. */
export interface GroupResource {
  readonly group: string
  readonly resource: string
}

/** The transformers for each resource: the first writes, any reads. */
export class EncryptionConfig {
  readonly #byResource: ReadonlyMap<string, readonly Transformer[]>

  constructor(byResource: ReadonlyMap<string, readonly Transformer[]>) {
    this.#byResource = byResource
  }

  /** Those for the resource itself, else for its group, else for everything; a resource nobody names is plain. */
  transformersOf({ group, resource }: GroupResource): readonly Transformer[] {
    const found =
      this.#byResource.get(`${resource}.${group}`) ??
      this.#byResource.get(`*.${group}`) ??
      this.#byResource.get('*.*')
    return found ?? plain
  }
}

const plain: readonly Transformer[] = [identity]

const aesKeyBytes = [16, 24, 32]

const aesKeys = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        name: z
          .string()
          .min(1, 'a key needs a name')
          .regex(/^[^:]*$/, 'must not hold a colon'),
        secret: z
          .base64('must be base64')
          .transform((text) => Buffer.from(text, 'base64'))
          .refine(({ length }) => aesKeyBytes.includes(length), 'must be 16, 24 or 32 bytes in base64'),
      }),
    )
    .min(1, 'at least one key is needed')
    .refine(
      (keys) => new Set(keys.map(({ name }) => name)).size === keys.length,
      'two keys have the same name',
    ),
})

const provider = z
  .strictObject({
    aesgcm: aesKeys.optional(),
    aescbc: aesKeys.optional(),
    identity: z.strictObject({}).optional(),
    secretbox: z.never('is not supported: use aesgcm').optional(),
    kms: z.never('is not supported: use aesgcm').optional(),
  })
  .refine(
    (given) => Object.values(given).filter((one) => one !== undefined).length === 1,
    'exactly one of aesgcm, aescbc and identity is needed',
  )

const schema = z.strictObject({
  apiVersion: z.literal('apiserver.config.k8s.io/v1'),
  kind: z.literal('EncryptionConfiguration'),
  resources: z
    .array(
      z.strictObject({
        resources: z
          .array(z.string().regex(/^(\*\.[a-z0-9.-]*|\*\.\*|[a-z0-9-]+(\.[a-z0-9.-]+)?)$/, wrongResource()))
          .min(1),
        providers: z.array(provider).min(1, 'at least one provider is needed'),
      }),
    )
    .min(1, 'nothing is configured'),
})

function wrongResource(): string {
  return 'must be a resource such as secrets or widgets.example.com, a group such as *.example.com, *. or *.*'
}

/** Reads an EncryptionConfiguration, YAML or JSON. Throws an Error that names the field at fault, never a key. */
export function parseEncryptionConfig(text: string): EncryptionConfig {
  const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false })
  const [problem] = document.errors
  if (problem) throw new Error(`encryption configuration: line ${lineOf(text, problem.pos[0])} is not YAML`)
  const { data, error } = schema.safeParse(document.toJS({ maxAliasCount: 100 }))
  if (!data) throw new Error(faultText(error))
  const byResource = new Map<string, Transformer[]>()
  for (const { resources, providers } of data.resources) {
    const transformers = providers.flatMap(transformersOf)
    for (const name of resources) {
      const key = name.includes('.') ? name : `${name}.`
      byResource.set(key, [...(byResource.get(key) ?? []), ...transformers])
    }
  }
  return new EncryptionConfig(byResource)
}

function transformersOf({ aesgcm, aescbc }: z.infer<typeof provider>): Transformer[] {
  if (aesgcm) return aesgcm.keys.map(({ name, secret }) => aesGcm(name, secret))
  if (aescbc) return aescbc.keys.map(({ name, secret }) => aesCbc(name, secret))
  return [identity]
}

function lineOf(text: string, position: number): number {
  return text.slice(0, position).split('\n').length
}

function faultText({ issues }: z.ZodError): string {
  const [issue] = issues
  const field = (issue?.path ?? [])
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
  const where = field === '' ? '' : `, ${field.slice(1)}`
  return `encryption configuration${where}: ${issue?.message ?? 'is not valid'}`
}
