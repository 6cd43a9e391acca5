import { describe, expect, test } from 'vitest'
import { withoutStructs } from '../../../../apiserver/admission/cel/struct-literals.ts'

describe('messages in expressions', () => {
  test.each([
    ['Object{}', '{}'],
    ['Object{spec: Object.spec{replicas: 1}}', '{"spec": {"replicas": 1}}'],
    ['Object {\n  a__dash__b: 1, __namespace__: 2 }', '{"a-b": 1,"namespace": 2 }'],
    ['Object{`a/b`: 1}', '{"a/b": 1}'],
    ['Object{?spec: optional.none()}', '{"spec": optional.none()}'],
    ['[JSONPatch{op: "add", path: "/a", value: {"b": c}}]', '[{"op": "add","path": "/a","value": {"b": c}}]'],
    ['a ? Object{b: 1} : Object{}', 'a ? {"b": 1} : {}'],
    ['Object{list: [Object.list{x: 1}, Object.list{x: 2}]}', '{"list": [{"x": 1}, {"x": 2}]}'],
    ['Object{a: f(b, c), d: 1}', '{"a": f(b, c),"d": 1}'],
  ])('become maps: %s', (expression, source) => {
    expect(withoutStructs(expression)).toMatchObject({ source })
  })

  test.each([
    'object.Object.size() > 0',
    '"Object{spec: 1}" == a',
    "r'Object{\\' + 'x'",
    '"""Object{ " }"""',
    'a // Object{b: 1}',
    '{"Object": Objects}',
  ])('are not seen where there are none: %s', (expression) => {
    expect(withoutStructs(expression)).toEqual({ source: expression, types: new Set() })
  })

  test('have to be of the type of their field', () => {
    expect(withoutStructs('Object{spec: Object.status{}}')).toEqual({
      error:
        'unexpected type name "Object.status", expected "Object.spec", which matches field name path from root Object type',
    })
    expect(withoutStructs('[JSONPatch{op: "add", path: "/", value: Object.spec{a: 1}}]')).not.toHaveProperty(
      'error',
    )
  })
})
