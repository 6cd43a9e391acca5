import type { Respond } from '../../support/https-webhook.ts'

/** A kind in two versions: v1 says `hostPort`, v2 says `host` and `port`. Its webhook gets from one to the other. */
export function spotCrd(
  webhook: { readonly url: string; readonly caBundle: string },
  { storage = 'v1', versions = ['v1', 'v2'] }: { storage?: string; versions?: readonly string[] } = {},
): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'spots.convert.example.org' },
    spec: {
      group: 'convert.example.org',
      scope: 'Namespaced',
      names: { plural: 'spots', kind: 'Spot' },
      conversion: {
        strategy: 'Webhook',
        webhook: {
          conversionReviewVersions: ['v1'],
          clientConfig: { url: `${webhook.url}/convert`, caBundle: webhook.caBundle },
        },
      },
      versions: versions.map((name) => versionOf(name, storage)),
    },
  }
}

function versionOf(name: string, storage: string): object {
  const text = { type: 'string' }
  const properties =
    name === 'v1' ? { hostPort: text } : { host: text, port: text, zone: { ...text, default: 'here' } }
  return {
    name,
    served: true,
    storage: name === storage,
    subresources: { status: {} },
    selectableFields: name === 'v1' ? [] : [{ jsonPath: '.spec.host' }],
    additionalPrinterColumns: [
      { name: 'Where', type: 'string', jsonPath: name === 'v1' ? '.spec.hostPort' : '.spec.port' },
    ],
    schema: {
      openAPIV3Schema: {
        type: 'object',
        properties: {
          spec: { type: 'object', properties },
          status: { type: 'object', properties: { seen: { type: 'boolean' } } },
        },
      },
    },
  }
}

export interface Review {
  readonly request: {
    readonly uid: string
    readonly desiredAPIVersion: string
    readonly objects: readonly Spot[]
  }
}

export interface Spot {
  readonly apiVersion: string
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> }
  readonly spec: Readonly<Record<string, string>>
}

/** Converts as it should. */
export const convertSpots: Respond = ({ body }, response) => {
  const { uid, desiredAPIVersion, objects } = (body as Review).request
  const convertedObjects = objects.map((spot) => converted(spot, desiredAPIVersion))
  response.end(
    JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'ConversionReview',
      response: { uid, result: { status: 'Success' }, convertedObjects },
    }),
  )
}

function converted(spot: Spot, apiVersion: string): Spot {
  const [host = '', port = ''] = (spot.spec['hostPort'] ?? '').split(':')
  const spec = apiVersion.endsWith('/v2')
    ? { host, port, unknown: 'is pruned' }
    : { hostPort: `${spot.spec['host']}:${spot.spec['port']}` }
  const labels = { ...spot.metadata.labels, converted: 'yes' }
  return { ...spot, apiVersion, spec, metadata: { ...spot.metadata, labels } }
}

export const spotsPath = (version: string) => `/apis/convert.example.org/${version}/namespaces/default/spots`

export function aSpot(name: string, version: 'v1' | 'v2', spec: object): object {
  return { apiVersion: `convert.example.org/${version}`, kind: 'Spot', metadata: { name }, spec }
}
