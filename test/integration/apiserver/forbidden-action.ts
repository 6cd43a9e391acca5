import type { RawRequest } from '../../support/node-client.ts'

/** Something that the daemon of `host-1` tries. */
export type ActionRow = readonly [
  what: string,
  method: string,
  path: string,
  request?: () => RawRequest | Promise<RawRequest>,
]

export const api = '/apis/kvorum.dev/v1alpha1'
export const here = `${api}/namespaces/default`
export const patch = (body: object): RawRequest => ({ body, contentType: 'application/merge-patch+json' })

/** An object without what the server fills in. */
export function fresh<T extends { metadata: { name: string; namespace?: string } }>(whole: T): T {
  const { name, namespace } = whole.metadata
  return { ...whole, metadata: { name, ...(namespace !== undefined && { namespace }) }, status: undefined }
}

export const object = (apiVersion: string, kind: string, metadata: object, more: object = {}) =>
  ({ apiVersion, kind, metadata, ...more }) as never
