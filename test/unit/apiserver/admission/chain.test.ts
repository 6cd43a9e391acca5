import { describe, expect, test } from 'vitest'
import type { AdmissionPlugin, AdmissionRequest } from '../../../../apiserver/admission/admission.ts'
import { AdmissionChain } from '../../../../apiserver/admission/chain.ts'
import { Reinvocation } from '../../../../apiserver/admission/reinvocation.ts'
import { configMaps } from '../../../../apiserver/registry/builtin/config.ts'
import type { KubeObject } from '../../../../apiserver/registry/kube-object.ts'

const object = (data: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a' },
  data,
})

const request = (): AdmissionRequest => ({
  operation: 'CREATE',
  definition: configMaps,
  namespace: 'default',
  name: 'a',
  subresource: '',
  object: object(),
  current: undefined,
  user: { name: 'u', groups: [] },
  dryRun: false,
  options: {},
  signal: new AbortController().signal,
  warnings: [],
  annotations: new Map(),
})

/** Sets `key` to the keys that were there, once per call; asks to be called again when `repeatable`. */
function setting(key: string, repeatable: boolean, calls: string[]): AdmissionPlugin {
  return {
    name: key,
    async mutate({ object: given, reinvocation = new Reinvocation() }) {
      const mine = reinvocation.callsOf(key)
      if (reinvocation.again) mine.resume(given)
      if (reinvocation.again && !mine.isDue(key)) return given
      calls.push(key)
      const data = (given?.['data'] ?? {}) as Record<string, string>
      const next = object({
        ...data,
        [key]: Object.keys(data)
          .filter((name) => name !== key)
          .join(),
      })
      mine.called(key, { changed: JSON.stringify(next) !== JSON.stringify(given), repeatable })
      mine.finish(next)
      return next
    },
  }
}

describe('the chain', () => {
  test('admits everything before it has plugins', async () => {
    const chain = new AdmissionChain()
    const asked = request()
    expect(await chain.mutate(asked)).toBe(asked.object)
    await expect(chain.validate(asked)).resolves.toBeUndefined()
  })

  test('passes plugins over that do not handle a request', async () => {
    const chain = new AdmissionChain()
    const calls: string[] = []
    chain.install([{ ...setting('a', false, calls), handles: () => false }])
    const asked = request()
    expect(await chain.mutate(asked)).toBe(asked.object)
    expect(calls).toEqual([])
  })

  test('runs those again that ask for it, once, when others changed the object after them', async () => {
    const chain = new AdmissionChain()
    const calls: string[] = []
    chain.install([setting('a', true, calls), setting('b', false, calls)])
    const { data } = (await chain.mutate(request())) ?? object()
    expect(calls).toEqual(['a', 'b', 'a'])
    expect(data).toEqual({ a: 'b', b: 'a' })
  })

  test('asks nobody twice when nobody wants it', async () => {
    const chain = new AdmissionChain()
    const calls: string[] = []
    chain.install([setting('a', false, calls), setting('b', true, calls)])
    await chain.mutate(request())
    expect(calls).toEqual(['a', 'b'])
  })

  test('ends with the first refusal', async () => {
    const chain = new AdmissionChain()
    const seen: string[] = []
    const plugin = (name: string, error?: Error): AdmissionPlugin => ({
      name,
      async validate() {
        seen.push(name)
        if (error) throw error
      },
    })
    chain.install([plugin('a'), plugin('b', new Error('no')), plugin('c')])
    await expect(chain.validate(request())).rejects.toThrow('no')
    expect(seen).toEqual(['a', 'b'])
  })
})
