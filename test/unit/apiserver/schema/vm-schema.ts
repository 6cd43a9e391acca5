import type { JsonObject } from '../../../../crds/meta/json.ts'

/** A schema with the features that the kinds of this project use. */
export function vmSchema(): JsonObject {
  return {
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: {
        type: 'object',
        required: ['memory'],
        properties: {
          cpus: { type: 'integer', format: 'int32', minimum: 1, maximum: 512, default: 1 },
          memory: { type: 'string', pattern: '^[0-9]+(Mi|Gi)$' },
          power: { type: 'string', enum: ['Running', 'Stopped'], default: 'Running' },
          uuid: { type: 'string', format: 'uuid' },
          description: { type: 'string', maxLength: 10, minLength: 2, nullable: true },
          weight: { type: 'number', multipleOf: 0.5 },
          port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
          features: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
          nodeSelector: { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 2 },
          raw: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          template: {
            type: 'object',
            'x-kubernetes-embedded-resource': true,
            'x-kubernetes-preserve-unknown-fields': true,
          },
          nics: {
            type: 'array',
            maxItems: 4,
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: {
              type: 'object',
              required: ['name'],
              properties: {
                name: { type: 'string' },
                network: { type: 'string', default: 'default' },
                mac: { type: 'string', format: 'mac' },
                bridge: { type: 'object', properties: { port: { type: 'integer' } } },
                nat: { type: 'object', properties: {} },
              },
              oneOf: [
                { required: ['bridge'] },
                { required: ['nat'] },
                { not: { anyOf: [{ required: ['bridge'] }, { required: ['nat'] }] } },
              ],
            },
          },
        },
      },
      status: {
        type: 'object',
        properties: { phase: { type: 'string' }, since: { type: 'string', format: 'date-time' } },
      },
    },
  }
}

/** A machine that the schema accepts as it is. */
export function aVm(spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'kvorum.dev/v1alpha1',
    kind: 'VirtualMachine',
    metadata: { name: 'vm-1', namespace: 'default', labels: { app: 'web' } },
    spec: {
      cpus: 2,
      memory: '512Mi',
      power: 'Running',
      uuid: '3b241101-e2bb-4255-8caf-4136c566a962',
      port: 80,
      features: ['acpi', 'apic'],
      nodeSelector: { zone: 'a' },
      nics: [
        { name: 'eth0', network: 'default', mac: '52:54:00:12:34:56', bridge: { port: 1 } },
        { name: 'eth1', network: 'storage', mac: '52:54:00:12:34:57', nat: {} },
      ],
      ...spec,
    },
    status: { phase: 'Running', since: '2026-01-02T03:04:05Z' },
  }
}
