import { describe, expect, test } from 'vitest'
import {
  dnsLabel,
  dnsLabel1035,
  dnsSubdomain,
  labelValueRule,
  pathSegment,
  qualifiedName,
} from '../../../../apiserver/registry/names.ts'

describe('names', () => {
  test.each([
    [
      dnsSubdomain,
      ['a', 'a.b', 'a-b.c9', `${'a'.repeat(63)}.${'b'.repeat(189)}`],
      ['', 'A', '-a', 'a-', 'a..b', 'a_b', 'a'.repeat(254)],
    ],
    [dnsLabel, ['a', '9', 'a-b', 'a'.repeat(63)], ['', 'a.b', '-a', 'a'.repeat(64)]],
    [dnsLabel1035, ['a', 'a9'], ['9a', 'a.b', '']],
    [pathSegment, ['a:b', 'system:x', 'A b'], ['.', '..', 'a/b', 'a%b']],
    [qualifiedName, ['a', 'A_b.c', 'x.y/a'], ['', '/a', 'a/', 'a/b/c', 'X/a', 'a b', `a/${'b'.repeat(64)}`]],
    [labelValueRule, ['', 'a', 'A.b_c-d', '1'], ['-a', 'a/b', 'a'.repeat(64)]],
  ] as const)('%o', (rule, good, bad) => {
    expect(good.filter((name) => rule(name).length > 0)).toEqual([])
    expect(bad.filter((name) => rule(name).length === 0)).toEqual([])
  })

  test('a long hostile name takes no time', () => {
    const started = performance.now()
    dnsSubdomain(`${'a-'.repeat(120)}!`)
    qualifiedName(`${'a.'.repeat(30)}!`)
    labelValueRule(`${'a.'.repeat(30)}!`)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})
