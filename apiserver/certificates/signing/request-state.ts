import { timestamp, type Clock } from '../../../apimachinery/clock.ts'
import type { JsonObject } from '../../../crds/meta/json.ts'
import type { UserInfo } from '../../http/exchange.ts'
import { objectAt, objectsAt, stringsAt, textAt, type KubeObject } from '../../registry/kube-object.ts'

/** A CertificateSigningRequest as its controllers look at it. */
export interface RequestState {
  readonly signer: string
  /** The PKCS#10 request, PEM. */
  readonly pem: string
  readonly usages: readonly string[]
  readonly expirationSeconds: number | undefined
  /** Who asked. */
  readonly asker: UserInfo
  readonly approved: boolean
  readonly denied: boolean
  readonly failed: boolean
  /** The certificate, PEM; empty until it is signed. */
  readonly certificate: string
}

export function requestState(request: KubeObject): RequestState {
  const spec = objectAt(request, 'spec')
  const conditions = objectsAt(request, 'status', 'conditions')
  const has = (type: string) => conditions.some((condition) => condition['type'] === type)
  const seconds = spec['expirationSeconds']
  return {
    signer: textAt(spec, 'signerName'),
    pem: decode(textAt(spec, 'request')),
    usages: stringsAt(spec, 'usages'),
    expirationSeconds: typeof seconds === 'number' ? seconds : undefined,
    asker: askerOf(spec),
    approved: has('Approved'),
    denied: has('Denied'),
    failed: has('Failed'),
    certificate: decode(textAt(request, 'status', 'certificate')),
  }
}

function askerOf(spec: JsonObject): UserInfo {
  const uid = textAt(spec, 'uid')
  const extra = Object.entries(objectAt(spec, 'extra')).map(
    ([key]) => [key, stringsAt(spec, 'extra', key)] as const,
  )
  return {
    name: textAt(spec, 'username'),
    groups: stringsAt(spec, 'groups'),
    ...(uid !== '' && { uid }),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  }
}

/** The request with one condition more. */
export function withCondition(
  request: KubeObject,
  clock: Clock,
  { type, reason, message }: { type: 'Approved' | 'Denied' | 'Failed'; reason: string; message: string },
): KubeObject {
  const now = timestamp(clock)
  const condition = { type, status: 'True', reason, message, lastUpdateTime: now, lastTransitionTime: now }
  const status = objectAt(request, 'status')
  return {
    ...request,
    status: { ...status, conditions: [...objectsAt(request, 'status', 'conditions'), condition] },
  }
}

/** The request with its certificate, which ends it. */
export function withCertificate(request: KubeObject, certificate: string): KubeObject {
  const status = objectAt(request, 'status')
  return {
    ...request,
    status: { ...status, certificate: Buffer.from(`${certificate.trim()}\n`).toString('base64') },
  }
}

const decode = (base64: string) => Buffer.from(base64, 'base64').toString('latin1')
