import { describe, expect, test } from 'vitest'
import { compileCelExpression } from '../../../../apiserver/schema/cel.ts'
import { compileSchema } from '../../../../apiserver/schema/structural.ts'
import type { JsonObject } from '../../../../crds/meta/json.ts'

const text = { type: 'string' }
const whole = { type: 'integer' }
const { schema, errors } = compileSchema({
  type: 'object',
  properties: {
    text,
    whole,
    decimal: { type: 'number' },
    flag: { type: 'boolean' },
    'a-b': text,
    for: text,
    texts: { type: 'array', items: text },
    numbers: { type: 'array', items: whole },
    set: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
    disks: { type: 'array', items: { type: 'object', properties: { name: text, order: whole } } },
    counts: { type: 'object', additionalProperties: whole },
    percent: { 'x-kubernetes-int-or-string': true },
    maybe: { type: 'string', nullable: true },
    time: { type: 'string', format: 'date-time' },
    wait: { type: 'string', format: 'duration' },
    bytes: { type: 'string', format: 'byte' },
    inner: { type: 'object', properties: { x: whole } },
    absent: { type: 'object', properties: { y: text } },
  },
})
if (schema === undefined) throw new Error(JSON.stringify(errors))
const { root } = schema

const object: JsonObject = {
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'one', labels: { a: 'b' } },
  text: 'hello',
  whole: 5,
  decimal: 1.5,
  flag: true,
  'a-b': 'dashed',
  for: 'reserved',
  texts: ['a', 'b'],
  numbers: [1, 2, 3],
  set: ['x', 'y'],
  disks: [
    { name: 'p', order: 1 },
    { name: 'q', order: 2 },
  ],
  counts: { k: 1, j: 2 },
  percent: '50%',
  maybe: null,
  time: '2024-01-01T00:00:00Z',
  wait: '1h',
  bytes: 'aGk=',
  inner: { x: 1 },
}

function evaluate(expression: string): unknown {
  const compiled = compileCelExpression(expression, { self: { schema: root } })
  if ('error' in compiled) return compiled.error.split('\n')[0]
  try {
    return compiled.program.evaluate({ self: compiled.convert('self', object) }).value
  } catch (error) {
    return `failed: ${(error as Error).message}`
  }
}

const groups: Record<string, [expression: string, result: unknown][]> = {
  'what belongs to every object': [
    ['self.metadata.name + self.kind + self.apiVersion', 'oneThingv1'],
    ['self.metadata.labels.size() == 1', 'compilation failed: No such key: labels'],
  ],
  numbers: [
    ['self.whole + 1', 6n],
    ['self.whole / 2', 2n],
    ['self.whole % 2 == 1', true],
    ['-self.whole', -5n],
    ['self.whole > 1.2', true],
    ['self.decimal + 0.5', 2],
    ['double(self.whole) / 2.0', 2.5],
    ['int("7") + self.whole', 12n],
    ['self.whole / 0', 'failed: division by zero'],
    ['self.whole in [1, 5]', true],
  ],
  'names that have to be escaped': [
    ['self.a__dash__b', 'dashed'],
    ['self.__for__', 'reserved'],
  ],
  'fields that are absent': [
    ['has(self.absent)', false],
    ['has(self.inner) && has(self.inner.x)', true],
    ['self.?absent.?y.orValue("none")', 'none'],
    ['self.?inner.?x.hasValue()', true],
    ['self.?inner.optMap(i, i.x + 1).orValue(0)', 2n],
    ['self.?absent.optMap(a, a.y).orValue("none")', 'none'],
    ['self.?inner.optFlatMap(i, i.?x).orValue(0)', 1n],
    ['self.absent.y == "z"', 'failed: no such key: absent'],
    ['self.absent.y == "z" || true', true],
    ['self.maybe == null', true],
    ['self.unknown', 'compilation failed: No such key: unknown'],
  ],
  'types that do not fit': [
    ['self.whole == "5"', 'compilation failed: no such overload: int == string'],
    ['self.text + 1', 'compilation failed: no such overload: string + int'],
    ['dyn(self.whole) == "5"', false],
    ['self.whole +', expect.stringContaining('compilation failed: Unexpected token')],
  ],
  loops: [
    ['self.texts.all(t, t.size() == 1)', true],
    ['self.texts.exists(t, t == "b")', true],
    ['self.texts.exists_one(t, t < "c")', false],
    ['self.numbers.filter(n, n > 1)', [2n, 3n]],
    ['self.numbers.map(n, n > 1, n * 2)', [4n, 6n]],
    ['self.disks.map(d, d.name)', ['p', 'q']],
    ['self.counts.all(k, self.counts[k] > 0)', true],
    ['self.numbers.all(i, n, n == i + 1)', true],
    ['self.counts.exists(k, n, k == "j" && n == 2)', true],
    ['self.numbers.existsOne(i, n, n > i)', false],
    ['self.numbers.all(i, n, n / (n - 2) > 100)', false],
    ['self.numbers.transformList(i, n, n > 1, n * i)', [2n, 6n]],
    ['self.counts.transformMap(k, n, n * 10)["j"]', 20n],
    ['self.whole.all(i, n, true)', expect.stringContaining('compilation failed: ')],
    ['self.numbers.all(1, n, true)', expect.stringContaining('argument must be a simple name')],
    ['cel.bind(x, self.whole, x + x)', 10n],
  ],
  lists: [
    ['self.numbers.sum()', 6n],
    ['self.numbers.isSorted()', true],
    ['self.numbers.max() - self.numbers.min()', 2n],
    ['self.texts.indexOf("b")', 1n],
    ['[1, 2, 1].lastIndexOf(1)', 2n],
    ['self.texts + ["c"]', ['a', 'b', 'c']],
    ['self.numbers == [3, 2, 1]', false],
    ['self.set == ["y", "x"]', true],
    ['self.disks == self.disks', true],
    ['[1, 1, 2].distinct().size()', 2n],
    ['[3, 1, 2].sort()', [1n, 2n, 3n]],
    ['[].max()', 'failed: max called on empty list'],
    ['self.numbers.slice(0, 9)', 'failed: cannot slice(0, 9), list is length 3'],
    ['sets.contains(self.texts, ["a"]) && sets.equivalent([1, 2], [2, 1])', true],
    ['sets.intersects(self.texts, ["c"])', false],
  ],
  texts: [
    ['"%s has %d of %s".format([self.text, self.whole, self.texts])', 'hello has 5 of ["a", "b"]'],
    ['"%.2f %x".format([self.decimal, 255])', '1.50 ff'],
    ['"%d".format(["a"])', 'failed: error during formatting: decimal clause can only be used on integers'],
    ['self.text.matches("^h[a-z]+$")', true],
    ['self.text.matches("(")', expect.stringContaining('compilation failed: invalid matches argument')],
    ['self.text.find("l+")', 'll'],
    ['self.text.findAll("l")', ['l', 'l']],
    ['self.text.replace("h", "j").upperAscii()', 'JELLO'],
    ['"a,b".split(",")', ['a', 'b']],
    ['"abc".substring(1) + "abc".charAt(0)', 'bca'],
    ['" a ".trim() + strings.quote("b")', 'a"b"'],
  ],
  'int or string': [
    ['type(self.percent) == string', true],
    ['type(self.percent) == int ? self.percent > 5 : self.percent.endsWith("%")', true],
  ],
  'times and bytes': [
    ['self.time < timestamp("2025-01-01T00:00:00Z")', true],
    ['self.time.getFullYear()', 2024n],
    ['self.wait == duration("60m")', true],
    ['self.bytes == b"hi"', true],
  ],
  "Kubernetes' own types": [
    ['quantity("1Gi").isGreaterThan(quantity("1G"))', true],
    ['quantity("1Gi").add(quantity("1Gi")).compareTo(quantity("2Gi"))', 0n],
    ['quantity("x").asInteger()', expect.stringContaining('failed: ')],
    ['isQuantity("1.5Gi") && !isQuantity("1.5X")', true],
    ['ip("10.0.0.1").family()', 4n],
    ['isIP("::1") && !isIP("10.0.0.256")', true],
    ['cidr("10.0.0.0/8").containsIP("10.1.1.1")', true],
    ['cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16")', true],
    ['url("https://a.b:80/c?d=e").getHost()', 'a.b:80'],
    ['semver("1.2.3").isLessThan(semver("1.10.0"))', true],
    ['format.dns1123Label().validate("a_b").hasValue()', true],
    ['format.named("uuid").hasValue()', true],
  ],
}

describe.each(Object.entries(groups))('%s', (_, rows) => {
  test.each(rows)('%s', (expression, result) => {
    expect(evaluate(expression)).toEqual(result)
  })
})

describe('compileCelExpression', () => {
  test('takes variables of named types and of any type', () => {
    const compiled = compileCelExpression('count > 1 && object.spec.name == "x"', {
      count: { type: 'int' },
      object: { type: 'dyn' },
    })
    if ('error' in compiled) throw new Error(compiled.error)
    const variables = {
      count: compiled.convert('count', 2),
      object: compiled.convert('object', { spec: { name: 'x' } }),
    }
    expect(compiled.program.evaluate(variables).value).toBe(true)
    expect(compiled.program.uses('count')).toBe(true)
    expect(compiled.program.uses('other')).toBe(false)
  })

  test('refuses a result of another type than wanted', () => {
    expect(compileCelExpression('1 + 1', {}, 'bool')).toEqual({ error: 'must evaluate to bool' })
  })

  test('expressions do not see the variables of others', () => {
    compileCelExpression('a == 1', { a: { type: 'int' } })
    expect(compileCelExpression('a == 1', {})).toHaveProperty('error')
  })

  test('an evaluation that loops for too long is stopped', () => {
    const loops = 'items.all(a, items.all(b, items.all(c, a + b + c >= 0)))'
    const compiled = compileCelExpression(loops, { items: { type: 'list' } })
    if ('error' in compiled) throw new Error(compiled.error)
    const items = compiled.convert(
      'list',
      Array.from({ length: 1000 }, (_, index) => index),
    )
    expect(() => compiled.program.evaluate({ items })).toThrow(
      'operation cancelled: actual cost limit exceeded',
    )
    expect(compiled.program.evaluate({ items: [1n, 2n] }).value).toBe(true)
  })

  test('loops with two variables are stopped too', () => {
    const compiled = compileCelExpression(
      'items.all(i, a, items.all(j, b, items.all(k, c, a + b + c >= i)))',
      {
        items: { type: 'list' },
      },
    )
    if ('error' in compiled) throw new Error(compiled.error)
    const items = Array.from({ length: 1000 }, (_, index) => BigInt(index))
    expect(() => compiled.program.evaluate({ items })).toThrow('actual cost limit exceeded')
  })

  test('a pattern that backtracks elsewhere takes no longer', () => {
    const compiled = compileCelExpression('t.matches("^(a+)+$")', { t: { type: 'string' } })
    if ('error' in compiled) throw new Error(compiled.error)
    expect(compiled.program.evaluate({ t: `${'a'.repeat(5000)}b` }).value).toBe(false)
  })
})
