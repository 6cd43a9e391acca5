import type { Environment } from '@marcbachmann/cel-js'

class JsonPatchNamespace {}

/** Declares `jsonpatch.escapeKey`, which makes any text one step of a JSON pointer. */
export function registerJsonPatch(environment: Environment): void {
  environment
    .registerType('JsonPatchNamespace', JsonPatchNamespace)
    .registerConstant({ name: 'jsonpatch', type: 'JsonPatchNamespace', value: new JsonPatchNamespace() })
    .registerFunction('JsonPatchNamespace.escapeKey(string): string', (_: unknown, key: string) =>
      key.replaceAll('~', '~0').replaceAll('/', '~1'),
    )
}
