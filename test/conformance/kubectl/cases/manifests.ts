/** A config map; `extra` goes into its metadata. */
export function configMap(name: string, data: object, extra: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...extra }, data }
}

export function list(...items: readonly object[]): object {
  return { apiVersion: 'v1', kind: 'List', items }
}

/** A script for `EDITOR` that runs sed on the file. */
export function sedEditor(expression: string): string {
  return `#!/bin/sh\nexec sed -i -e '${expression}' "$1"\n`
}
