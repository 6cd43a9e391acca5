import { stringify } from 'yaml'
import type { KindDefinition } from './define-kind.ts'
import type { JsonObject } from './json.ts'
import { toOpenApi } from './to-openapi.ts'

/** The CustomResourceDefinition (`apiextensions.k8s.io/v1`) that serves a kind, here or on a real Kubernetes. */
export function toCrd(kind: KindDefinition): JsonObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${kind.group}` },
    spec: {
      group: kind.group,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        shortNames: [...kind.shortNames],
        categories: ['kvorum'],
      },
      scope: kind.scope,
      versions: [
        {
          name: kind.version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: rootSchema(kind) },
          subresources: { status: {} },
          ...(kind.selectableFields.length > 0 && {
            selectableFields: kind.selectableFields.map((jsonPath) => ({ jsonPath })),
          }),
          additionalPrinterColumns: kind.printerColumns.map(
            ({ name, type, jsonPath, description, priority }) => ({
              name,
              type,
              jsonPath,
              description,
              ...(priority !== undefined && priority > 0 && { priority }),
            }),
          ),
        },
      ],
    },
  }
}

function rootSchema(kind: KindDefinition): JsonObject {
  return {
    type: 'object',
    description: kind.description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
      kind: { type: 'string', description: 'Kind of this object.' },
      metadata: { type: 'object' },
      spec: { ...toOpenApi(kind.spec, '.spec'), description: 'What is wanted.' },
      status: { ...toOpenApi(kind.status, '.status'), description: 'What is.' },
    },
  }
}

/** The file that is checked in as `crds/<plural>.<group>.yaml`. */
export function toCrdYaml(kind: KindDefinition): string {
  return `# Generated from crds/${kind.version} by \`npm run generate\`. Do not edit.\n${stringify(toCrd(kind), { lineWidth: 110, aliasDuplicateObjects: false })}`
}
