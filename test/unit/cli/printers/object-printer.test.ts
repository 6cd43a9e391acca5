import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../../crds/meta/json.ts'
import { compileRelaxedPath, compileTemplate } from '../../../../cli/printers/json-path-template.ts'
import { objectPrinter } from '../../../../cli/printers/object-printer.ts'
import { sortByPath } from '../../../../cli/printers/sort.ts'

const vm = (name: string, more: JsonObject = {}): JsonObject => ({
  apiVersion: 'kvorum.dev/v1alpha1',
  kind: 'VirtualMachine',
  metadata: { name, managedFields: [{ manager: 'x' }] },
  ...more,
})
const list = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    vm('a', { spec: { on: true, tags: ['x', 'y'] } }),
    vm('b', { spec: { size: 3, map: { z: 1, y: 'q' } } }),
  ],
}

describe('templates', () => {
  test.each([
    ['{.kind}', 'List'],
    ['{.items[*].metadata.name}', 'a b'],
    ['{range .items[*]}{.metadata.name}{"\\t"}{.spec.size}{"\\n"}{end}', 'a\t\nb\t3\n'],
    ['{range .items[*]}{$.kind}/{.metadata.name} {end}', 'List/a List/b '],
    ["{range .items[*]}{range .spec.tags[*]}<{@}>{'\\n'}{end}{end}", '<x>\n<y>\n'],
    ['{.items[0].spec}', '{"on":true,"tags":["x","y"]}'],
    ['{.items[1].spec.map}', '{"y":"q","z":1}'],
    ["{.items[0]['kind','metadata.name']}", 'VirtualMachine a'],
    ['name: {.items[0].metadata.name}; none: {.items[0].nothing}.', 'name: a; none: .'],
    ['{kind}', 'List'],
    ['{"a}b"}', 'a}b'],
  ])('%s renders', (template, rendered) => {
    expect(compileTemplate(template)(list)).toBe(rendered)
  })

  test.each([
    ['{.a', 'unclosed action'],
    ['{range .items[*]}{.x}', '{end} is missing'],
    ['{end}', 'not in range'],
    ['{.a[}', 'position'],
  ])('%s is refused', (template, message) => {
    expect(() => compileTemplate(template)).toThrow(message)
  })

  test.each(['metadata.name', '.metadata.name', '{.metadata.name}', '{metadata.name}', ' {.metadata.name} '])(
    'the path %j may be written like this',
    (path) => {
      expect(compileRelaxedPath(path)(vm('a'))).toEqual(['a'])
    },
  )

  test.each(['', '{}', '{.a}{.b}', '{.a'])('%j is no path', (path) => {
    expect(() => compileRelaxedPath(path)).toThrow('unexpected path string')
  })
})

describe('printers', () => {
  test.each([
    ['name', list, 'virtualmachine.kvorum.dev/a\nvirtualmachine.kvorum.dev/b\n'],
    ['name', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } }, 'secret/s\n'],
    [
      'custom-columns=NAME:.metadata.name,SPEC:spec',
      list,
      'NAME   SPEC\na      map[on:true tags:[x y]]\nb      map[map:map[y:q z:1] size:3]\n',
    ],
    ['custom-columns=N:{.metadata.name},T:.spec.tags[*]', list, 'N     T\na     x,y\nb     <none>\n'],
    ["custom-columns=N:.items['x','y'].z", vm('a'), 'N\n<none>\n'],
    ['jsonpath-as-json={.items[*].metadata.name}', list, '[\n    "a",\n    "b"\n]\n'],
    ['json', { b: '<&>', a: {} }, '{\n    "a": {},\n    "b": "\\u003c\\u0026\\u003e"\n}\n'],
  ])('-o %s', (output, object, printed) => {
    expect(objectPrinter(output)(object)).toBe(printed)
  })

  test('leave out what only programs read, in lists too', () => {
    for (const output of ['json', 'yaml']) {
      expect(objectPrinter(output)(list)).not.toContain('managedFields')
      expect(objectPrinter(output, { showManagedFields: true })(list)).toContain('managedFields')
    }
  })

  test('tell YAML documents apart, and print column names once', () => {
    const yaml = objectPrinter('yaml')
    const columns = objectPrinter('custom-columns=NAME:.metadata.name')

    expect(yaml({ a: 1 }) + yaml({ a: 2 })).toBe('a: 1\n---\na: 2\n')
    expect(columns(vm('a')) + columns(vm('b'))).toBe('NAME\na\nb\n')
  })

  test.each([
    ['xml', 'allowed formats are: custom-columns,custom-columns-file,json,'],
    ['go-template={{.}}', 'go-template is not offered: use jsonpath=… or custom-columns=…'],
    ['jsonpath', '-o jsonpath needs something after it'],
    ['yaml=x', 'unable to match a printer'],
    ['custom-columns=NAME', 'expected <header>:<json-path-expr>'],
    ['jsonpath-file=/nonexistent', 'cannot be read'],
    ['constructor', 'unable to match a printer'],
  ])('-o %s is refused', (output, message) => {
    expect(() => objectPrinter(output)).toThrow(message)
  })
})

describe('sorting', () => {
  const sorted = (values: (string | number | null)[]) =>
    sortByPath(values, '.v', (v) => (v === null ? {} : { v }))

  test.each([
    [
      ['10Gi', '9Gi', '512Mi'],
      ['512Mi', '9Gi', '10Gi'],
    ],
    [
      ['b', 'a10', 'a2'],
      ['a10', 'a2', 'b'],
    ],
    [
      [10, 9, null, -1],
      [null, -1, 9, 10],
    ],
  ])('of %j is %j', (values, order) => {
    expect(sorted(values)).toEqual(order)
  })

  test('by what no object has is refused, with the path', () => {
    expect(() => sortByPath([{}], 'spec.size', (object) => object)).toThrow(
      `couldn't find any field with path "{.spec.size}" in the list of objects`,
    )
  })
})
