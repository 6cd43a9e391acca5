import { StatusError } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'

const magic = Buffer.from('k8s\0')

/** True for bytes in Kubernetes' protobuf envelope. */
export function isProtobuf(body: Buffer): boolean {
  return body.subarray(0, magic.length).equals(magic)
}

/** Decodes an object in Kubernetes' protobuf envelope. */
export function decodeProtobuf(_body: Buffer): JsonObject {
  throw new StatusError('UnsupportedMediaType', 'protobuf bodies of this kind are not understood; send JSON')
}
