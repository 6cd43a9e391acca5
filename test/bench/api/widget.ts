/** The custom resource of the benchmark: nested lists and maps as machines have them, and a status of conditions. */
const group = 'bench.kvorum.dev'
export const widgetsPath = `/apis/${group}/v1/namespaces/default/widgets`

const text = { type: 'string' }
const whole = { type: 'integer', minimum: 0 }

function listMap(key: string, properties: object): object {
  return {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
    items: { type: 'object', required: [key], properties: { [key]: text, ...properties } },
  }
}

const spec = {
  type: 'object',
  required: ['cpus'],
  properties: {
    cpus: { ...whole, maximum: 512 },
    memoryMiB: whole,
    notes: text,
    runStrategy: { type: 'string', enum: ['Always', 'Halted', 'Manual'], default: 'Always' },
    disks: listMap('name', {
      sizeMiB: whole,
      bus: { type: 'string', enum: ['virtio', 'scsi', 'sata'], default: 'virtio' },
      cache: text,
      claim: { type: 'string', maxLength: 253, pattern: '^[a-z0-9.-]+$' },
    }),
    interfaces: listMap('name', { network: text, mac: text, model: text }),
    placement: { type: 'object', additionalProperties: text },
  },
}

const status = {
  type: 'object',
  properties: {
    phase: text,
    hostName: text,
    addresses: { type: 'array', items: text },
    count: whole,
    conditions: listMap('type', {
      status: text,
      reason: text,
      message: text,
      lastTransitionTime: { type: 'string', format: 'date-time' },
    }),
  },
}

export const widgetCrd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: 'CPUs', type: 'integer', jsonPath: '.spec.cpus' },
          { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
        schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
      },
    ],
  },
}

export function nameOf(index: number): string {
  return `widget-${String(index).padStart(6, '0')}`
}

/** About 2 KB of JSON, as a user would send it. */
export function aWidget(index: number, memoryMiB = 4096) {
  const disks = Array.from({ length: 6 }, (_, disk) => ({
    name: `disk-${disk}`,
    sizeMiB: 10_240 * (disk + 1),
    bus: 'virtio',
    cache: 'none',
    claim: `${nameOf(index)}-disk-${disk}`,
  }))
  const interfaces = Array.from({ length: 2 }, (_, nic) => ({
    name: `nic-${nic}`,
    network: 'production',
    mac: `52:54:00:12:34:${nic}0`,
    model: 'virtio',
  }))
  return {
    apiVersion: `${group}/v1`,
    kind: 'Widget',
    metadata: {
      name: nameOf(index),
      namespace: 'default',
      labels: { app: 'bench', shard: String(index % 100), 'kvorum.dev/team': `team-${index % 7}` },
      annotations: { 'kvorum.dev/note': 'made by the benchmark' },
    },
    spec: {
      cpus: 4,
      memoryMiB,
      runStrategy: 'Always',
      disks,
      interfaces,
      placement: { zone: 'a', rack: `rack-${index % 20}` },
      notes: 'n'.repeat(700),
    },
  }
}

export function aStatus(count: number) {
  return {
    phase: 'Running',
    hostName: `host-${count % 50}`,
    addresses: ['10.0.0.1', 'fe80::1'],
    count,
    conditions: ['Ready', 'Scheduled', 'AgentConnected'].map((type) => ({
      type,
      status: count % 2 === 0 ? 'True' : 'False',
      reason: 'Measured',
      message: `update ${count}`,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    })),
  }
}
