import type { Api, ApiRequest } from '../../../cli/api.ts'
import type { CommandContext } from '../../../cli/context.ts'
import { Discovery, type ServedResource } from '../../../cli/discovery.ts'
import type { ManualClock } from '../../support/clock.ts'
import { manualClock } from '../../support/clock.ts'

type Answer = { readonly body: unknown } | Error

/** Answers from a table, and remembers what it was asked. */
export interface FakeApi extends Api {
  readonly requests: readonly ApiRequest[]
  /** The next request of this method and path gets this answer; the last one given stays. */
  answer(method: ApiRequest['method'], path: string, ...answers: readonly Answer[]): FakeApi
  /** Each watch of a path yields the lines of the next list given, then ends; one without a list goes on silently. */
  stream(path: string, ...streams: readonly (readonly unknown[])[]): FakeApi
}

export function fakeApi(): FakeApi {
  const requests: ApiRequest[] = []
  const answers = new Map<string, Answer[]>()
  const streams = new Map<string, (readonly unknown[])[]>()
  const api: FakeApi = {
    requests,
    answer(method, path, ...given) {
      answers.set(`${method} ${path}`, [...given])
      return api
    },
    stream(path, ...given) {
      streams.set(path, [...given])
      return api
    },
    json(request) {
      requests.push(request)
      const key = `${request.method} ${request.path}`
      const queue = answers.get(key)
      const answer = queue !== undefined && queue.length > 1 ? queue.shift() : queue?.[0]
      if (answer === undefined) return Promise.reject(new Error(`the test has no answer for ${key}`))
      if (answer instanceof Error) return Promise.reject(answer)
      return Promise.resolve(structuredClone(answer.body))
    },
    async *lines(request) {
      requests.push(request)
      const lines = streams.get(request.path)?.shift()
      if (lines === undefined) await aborted(request.signal)
      else yield* lines
    },
    async text(request) {
      const body = await api.json(request)
      return typeof body === 'string' ? body : JSON.stringify(body)
    },
    async *bytes(request) {
      for await (const line of api.lines(request)) yield Buffer.from(`${String(line)}\n`)
    },
    close: () => Promise.resolve(),
  }
  return api
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason as Error)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

export interface FakeContext extends CommandContext {
  readonly clock: ManualClock
  printed(): string
  errors(): string
}

export function aContext(api: Api, overrides: Partial<CommandContext> = {}): FakeContext {
  let printed = ''
  let errors = ''
  return {
    api,
    namespace: 'default',
    namespaceGiven: false,
    server: 'https://127.0.0.1:7443',
    env: {},
    readInput: () => Promise.resolve(''),
    signal: new AbortController().signal,
    discovery: () => Promise.resolve(aDiscovery()),
    print: (text) => (printed += text),
    error: (line) => (errors += `${line}\n`),
    ...overrides,
    clock: manualClock(),
    printed: () => printed,
    errors: () => errors,
  }
}

const kvorum = {
  group: 'kvorum.dev',
  version: 'v1alpha1',
  categories: ['kvorum'],
  verbs: ['get', 'list'],
  subresources: ['status'],
}

export const machines: ServedResource = {
  ...kvorum,
  kind: 'VirtualMachine',
  plural: 'virtualmachines',
  singular: 'virtualmachine',
  shortNames: ['vm', 'vms'],
  namespaced: true,
}
export const disks: ServedResource = {
  ...kvorum,
  kind: 'Disk',
  plural: 'disks',
  singular: 'disk',
  shortNames: ['disk'],
  namespaced: true,
}
export const hosts: ServedResource = {
  ...kvorum,
  kind: 'Host',
  plural: 'hosts',
  singular: 'host',
  shortNames: [],
  namespaced: false,
}
export const runs: ServedResource = {
  ...kvorum,
  kind: 'VirtualMachineInstance',
  plural: 'virtualmachineinstances',
  singular: 'virtualmachineinstance',
  shortNames: ['vmi'],
  namespaced: true,
}
export const configMaps: ServedResource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  categories: [],
  namespaced: true,
  verbs: ['get', 'list'],
  subresources: [],
}
export const secrets: ServedResource = {
  ...configMaps,
  kind: 'Secret',
  plural: 'secrets',
  singular: 'secret',
  shortNames: [],
}
export const definitions: ServedResource = {
  ...configMaps,
  group: 'apiextensions.k8s.io',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  shortNames: ['crd'],
  namespaced: false,
}

export function aDiscovery(): Discovery {
  return new Discovery([configMaps, secrets, definitions, machines, disks, hosts, runs])
}

export const machinesPath = '/apis/kvorum.dev/v1alpha1/namespaces/default/virtualmachines'
