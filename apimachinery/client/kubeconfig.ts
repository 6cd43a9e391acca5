import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const text = z.string().optional()

const cluster = z.looseObject({
  server: z.string(),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': text,
  'proxy-url': text,
})

const user = z.looseObject({
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  token: text,
  tokenFile: text,
  username: text,
  password: text,
})

const context = z.looseObject({ cluster: z.string(), user: text, namespace: text })

const name = z.string()
const file = z.looseObject({
  clusters: z.array(z.looseObject({ name, cluster })).nullish(),
  users: z.array(z.looseObject({ name, user: user.nullish() })).nullish(),
  contexts: z.array(z.looseObject({ name, context })).nullish(),
  'current-context': text,
})

export type KubeCluster = z.infer<typeof cluster>
export type KubeUser = z.infer<typeof user>
export type KubeContext = z.infer<typeof context>

/** What one or more kubeconfig files say, by name. Paths in it are absolute. */
export interface Kubeconfig {
  readonly clusters: ReadonlyMap<string, KubeCluster>
  readonly users: ReadonlyMap<string, KubeUser>
  readonly contexts: ReadonlyMap<string, KubeContext>
  readonly currentContext: string | undefined
}

/** Throws what is wrong with the text; relative paths in it stay as they are. */
export function parseKubeconfig(source: string): Kubeconfig {
  const { success, data, error } = file.safeParse(parse(source))
  if (!success) {
    const [issue] = error.issues
    throw new Error(`${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'is not valid'}`)
  }
  const { clusters, users, contexts, 'current-context': currentContext } = data
  return {
    clusters: new Map(clusters?.map((one) => [one.name, one.cluster])),
    users: new Map(users?.map((one) => [one.name, one.user ?? {}])),
    contexts: new Map(contexts?.map((one) => [one.name, one.context])),
    currentContext: currentContext === '' ? undefined : currentContext,
  }
}

/** Paths in the file are relative to its directory. Throws what is wrong with it. */
export function readKubeconfig(path: string): Kubeconfig {
  const config = parseKubeconfig(readFileSync(path, 'utf8'))
  const base = dirname(resolve(path))
  return {
    ...config,
    clusters: eachEntry(config.clusters, (one) => absolute(one, base, ['certificate-authority'])),
    users: eachEntry(config.users, (one) =>
      absolute(one, base, ['client-certificate', 'client-key', 'tokenFile']),
    ),
  }
}

/** As kubectl merges: what several of them name is taken from the first. */
export function mergeKubeconfigs(configs: readonly Kubeconfig[]): Kubeconfig {
  const merged = <T>(pick: (config: Kubeconfig) => ReadonlyMap<string, T>) =>
    new Map(configs.toReversed().flatMap((config) => [...pick(config)]))
  return {
    clusters: merged((config) => config.clusters),
    users: merged((config) => config.users),
    contexts: merged((config) => config.contexts),
    currentContext: configs.find(({ currentContext }) => currentContext !== undefined)?.currentContext,
  }
}

function eachEntry<T>(entries: ReadonlyMap<string, T>, change: (entry: T) => T): Map<string, T> {
  return new Map([...entries].map(([name, entry]) => [name, change(entry)]))
}

function absolute<T extends object>(entry: T, base: string, fields: readonly (keyof T)[]): T {
  const changed = { ...entry }
  for (const field of fields) {
    const path = changed[field]
    if (typeof path === 'string' && path !== '') Object.assign(changed, { [field]: resolve(base, path) })
  }
  return changed
}
