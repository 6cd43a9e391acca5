import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../../crds/meta/json.ts'
import { bare, owned, specOf, ssa, vm } from './writes.ts'

describe('the order of merged lists', () => {
  const order = (live: string, applied: string) => {
    const items = (names: string) => names.split('').map((name) => ({ name }))
    const start = ssa(undefined, vm({ nics: items(live) }), 'a')
    const nics = (specOf(ssa(start, vm({ nics: items(applied) }), 'b')) as JsonObject)['nics'] as {
      name: string
    }[]
    return nics.map(({ name }) => name).join('')
  }
  // Elements that both sides have come in the applied order, others stay among their neighbours.
  test.each([
    ['abc', 'd', 'abcd'],
    ['abc', 'ba', 'bca'],
    ['abc', 'ca', 'bca'],
    ['abc', 'cxa', 'bcxa'],
    ['abcd', 'db', 'acdb'],
    ['abc', 'xbc', 'axbc'],
    ['ab', 'xy', 'abxy'],
  ])('%s with %s applied is %s', (live, applied, want) => {
    expect(order(live, applied)).toBe(want)
  })
})

describe('properties of apply', () => {
  const text = fc.constantFrom('1', '2', '3')
  // What an apply empties goes; applying it empty again brings it back, in Kubernetes too. So nothing is empty here.
  const names = fc.uniqueArray(fc.constantFrom('p', 'q', 'r', 's'), { minLength: 1, maxLength: 4 })
  const spec = fc.record(
    {
      a: text,
      b: text,
      labels: fc.dictionary(fc.constantFrom('k', 'l', 'm'), text, { minKeys: 1 }),
      atomicMap: fc.dictionary(fc.constantFrom('k', 'l'), text),
      atomicList: fc.array(text, { maxLength: 3 }),
      set: names,
      nics: names.map((list) => list.map((name) => ({ name, mac: `${name}:mac` }))),
      nested: fc.record({ x: text, y: text }, { requiredKeys: ['x'] }),
    },
    { requiredKeys: ['a'] },
  ) as fc.Arbitrary<JsonObject>
  const manager = fc.constantFrom('alice', 'bob', 'carol')

  test('applying the same twice changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(manager, spec), { minLength: 1, maxLength: 5 }), (steps) => {
        let live: JsonObject | undefined
        for (const [name, config] of steps) {
          live = ssa(live, vm(config), name, { force: true })
          expect(ssa(live, vm(config), name, { force: true })).toBe(live)
        }
      }),
    )
  })

  test('whatever was applied last by force is in the object', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(manager, spec), { minLength: 1, maxLength: 5 }), (steps) => {
        let live: JsonObject | undefined
        for (const [name, config] of steps) live = ssa(live, vm(config), name, { force: true })
        const last = steps.at(-1)?.[1] ?? {}
        const object = (live?.['spec'] ?? {}) as JsonObject
        for (const key of ['a', 'b', 'atomicMap', 'atomicList']) {
          expect(object[key]).toEqual(last[key] ?? object[key])
        }
        for (const name of (last['set'] ?? []) as string[]) expect(object['set']).toContain(name)
      }),
    )
  })

  test('letting go of everything leaves no entry and nothing that only this manager had', () => {
    fc.assert(
      fc.property(spec, spec, (mine, theirs) => {
        const both = ssa(ssa(undefined, vm(mine), 'alice'), vm(theirs), 'bob', { force: true })
        const only = ssa(undefined, vm(theirs), 'bob')
        const after = ssa(both, bare, 'alice')
        expect(owned(after, 'alice')).toBeUndefined()
        for (const key of ['a', 'b', 'atomicMap']) {
          expect((after['spec'] as JsonObject)[key]).toEqual((only['spec'] as JsonObject)[key])
        }
      }),
    )
  })

  test('never changes what it is given', () => {
    fc.assert(
      fc.property(spec, spec, (mine, theirs) => {
        const live = ssa(undefined, vm(mine), 'alice')
        const applied = vm(theirs)
        const before = JSON.stringify([live, applied])
        ssa(live, applied, 'bob', { force: true })
        expect(JSON.stringify([live, applied])).toBe(before)
      }),
    )
  })
})
