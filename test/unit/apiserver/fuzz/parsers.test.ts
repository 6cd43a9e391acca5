import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyJsonPatch } from '../../../../apimachinery/patch/json-patch.ts'
import { applyMergePatch } from '../../../../apimachinery/patch/merge-patch.ts'
import { applyStrategicMergePatch } from '../../../../apimachinery/patch/strategic-merge-patch.ts'
import { parseFieldSelector } from '../../../../apimachinery/selectors/field-selector.ts'
import { parseLabelSelector } from '../../../../apimachinery/selectors/label-selector.ts'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { decodeContinue, encodeContinue } from '../../../../apiserver/handlers/continue-token.ts'
import { decodeBody } from '../../../../apiserver/http/decode-body.ts'
import { parseAccept } from '../../../../apiserver/http/media-types.ts'
import { parseRequestInfo } from '../../../../apiserver/http/request-info.ts'
import { decodeProtobuf } from '../../../../apiserver/protobuf/decode.ts'
import { configMaps } from '../../../../apiserver/registry/builtin/config.ts'
import { CelError, compileCelExpression } from '../../../../apiserver/schema/cel.ts'
import type { Json, JsonObject } from '../../../../crds/meta/json.ts'

/** Whatever comes in, the answer is a value or a Status that says what is wrong: never another error. */
function survives(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof StatusError && error.code >= 400 && error.code < 500 && error.message !== ''
}

const anyJson = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>
const anObject = fc.dictionary(fc.string({ maxLength: 6 }), anyJson, {
  maxKeys: 6,
  noNullPrototype: true,
}) as fc.Arbitrary<JsonObject>

/** Pieces of a language in any order: closer to the language than random text is. */
const shuffled = (...pieces: readonly string[]) =>
  fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join(''))

describe('patches of any kind', () => {
  const pointer = shuffled('/', 'a', 'metadata', '0', '-', '~0', '~1', '~', '__proto__', 'constructor')
  const operation = fc.record(
    {
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'x', '__proto__'),
      path: pointer,
      from: pointer,
      value: anyJson,
    },
    { requiredKeys: [] },
  )

  test('leave or refuse the object, and never touch prototypes', () => {
    fc.assert(
      fc.property(anObject, fc.array(operation, { maxLength: 8 }), (object, patch) => {
        const before = JSON.stringify(object)
        survives(() => applyJsonPatch(object, patch))
        expect(JSON.stringify(object)).toBe(before)
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  test('are merged twice as they are merged once', () => {
    fc.assert(
      fc.property(anObject, anObject, (object, patch) => {
        survives(() => {
          const once = applyMergePatch(object, patch)
          expect(applyMergePatch(once, patch)).toEqual(once)
        })
      }),
    )
  })

  test('with directives in any place are merged or refused', () => {
    const directive = fc.dictionary(
      fc.constantFrom(
        '$patch',
        '$retainKeys',
        '$setElementOrder/data',
        '$deleteFromPrimitiveList/a',
        'data',
        'a',
      ),
      fc.oneof(anyJson, fc.constantFrom('replace', 'delete', 'merge')),
      { noNullPrototype: true },
    ) as fc.Arbitrary<JsonObject>
    fc.assert(
      fc.property(anObject, directive, (object, patch) => {
        survives(() => applyStrategicMergePatch(object, patch, configMaps.schema.compiled.root))
      }),
      { numRuns: 500 },
    )
  })
})

describe('what stands in URLs and headers', () => {
  const selectorPiece = shuffled(
    'a',
    'b.c/d',
    '=',
    '==',
    '!=',
    '!',
    ' in ',
    ' notin ',
    '(',
    ')',
    ',',
    ' ',
    '>',
    '1',
    'ä',
  )

  test('selectors are understood or refused', () => {
    fc.assert(
      fc.property(fc.oneof(selectorPiece, fc.string()), (text) => {
        survives(() => parseLabelSelector(text).matches({ a: 'b' }))
        survives(() => parseFieldSelector(text).matches(() => 'x'))
      }),
      { numRuns: 1000 },
    )
  })

  test('tampered continue tokens are refused or stay within their list', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255))
    fc.assert(
      fc.property(
        fc.nat(),
        fc.string({ minLength: 1 }),
        fc.array(change, { maxLength: 4 }),
        (rv, after, changes) => {
          const bytes = Buffer.from(encodeContinue({ revision: rv + 1, after }))
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte
          survives(() => {
            const token = decodeContinue(bytes.toString('latin1'))
            expect(token.after).not.toBe('')
            expect(token.after).not.toContain('..')
          })
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('paths and media types are taken apart or refused', () => {
    const path = shuffled('/', 'api', 'apis', 'v1', 'namespaces', 'watch', '%2f', '%', '..', 'ä', '?')
    fc.assert(
      fc.property(
        path,
        fc.constantFrom('GET', 'POST', 'DELETE', 'BREW'),
        fc.string(),
        (where, method, accept) => {
          survives(() => parseRequestInfo(method, where, new URLSearchParams(accept)))
          survives(() => parseAccept(accept))
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('bodies', () => {
  test('of pieces of YAML are understood or refused', async () => {
    const yaml = shuffled(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a',
      '"',
      "'",
      '|',
      '>',
      '!!',
      '!',
      '<<',
      '%',
      '---',
      '? ',
      '\t',
      '@',
    )
    await fc.assert(
      fc.asyncProperty(yaml, async (text) => {
        const fault = await decodeBody(Buffer.from(text), 'application/yaml').then(
          () => undefined,
          (error: unknown) => error,
        )
        expect(fault === undefined || isRefusal(fault)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  const kinds = fc.constantFrom(
    ['v1', 'ConfigMap'],
    ['v1', 'Secret'],
    ['coordination.k8s.io/v1', 'Lease'],
    ['rbac.authorization.k8s.io/v1', 'Role'],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
    ['admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration'],
    ['x', 'DeleteOptions'],
  )
  const field = (number: number, content: Uint8Array) => [number * 8 + 2, content.length, ...content]

  test('in protobuf of any bytes are understood or refused', () => {
    fc.assert(
      fc.property(kinds, fc.uint8Array({ maxLength: 100 }), ([apiVersion = '', kind = ''], message) => {
        const type = [...field(1, Buffer.from(apiVersion)), ...field(2, Buffer.from(kind))]
        const body = Buffer.from([
          ...Buffer.from('k8s\0'),
          ...field(1, Uint8Array.from(type)),
          ...field(2, message),
        ])
        survives(() => JSON.stringify(decodeProtobuf(body)))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('expressions', () => {
  const cel = shuffled(
    'self',
    '.a',
    '.b',
    '[0]',
    '["x"]',
    ' + ',
    ' - ',
    ' * ',
    ' / ',
    ' % ',
    ' == ',
    ' < ',
    ' && ',
    ' || ',
    '!',
    ' ? ',
    ' : ',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    '1',
    '-9223372036854775808',
    '0.5',
    '"x"',
    "'",
    'true',
    'null',
    'size(',
    'has(',
    '.all(x, ',
    '.map(x, ',
    '.exists(',
    '.matches(',
    '.startsWith(',
    'duration(',
    'timestamp(',
    'in ',
    ' int(',
    'string(',
    '?.',
  )

  test('compile or say why not, and their evaluation ends in a value or an error of theirs', () => {
    const self = { a: 1, b: ['x', 'y'], c: { d: null } }
    const faultOf = (source: string): unknown => {
      try {
        const result = compileCelExpression(source, { self: { type: 'dyn' } })
        if ('error' in result) return result.error === '' ? 'no reason' : undefined
        result.program.evaluate({ self: result.convert('self', self) }, 10_000)
        return undefined
      } catch (error) {
        return error instanceof CelError ? undefined : error
      }
    }
    fc.assert(
      fc.property(fc.oneof(cel, fc.string()), (source) => {
        expect(faultOf(source)).toBeUndefined()
      }),
      { numRuns: 1500 },
    )
  })
})
