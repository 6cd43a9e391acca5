import { createHash, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../apimachinery/clock.ts'
import type { UserInfo } from '../http/exchange.ts'
import { secrets } from '../registry/builtin/config.ts'
import { textAt, type KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { keyOf } from '../registry/resource-definition.ts'
import { forApiOnly, TokenError, type TokenAuthenticator } from './token-authenticator.ts'

export const bootstrapNamespace = 'kube-system'
export const bootstrapType = 'bootstrap.kubernetes.io/token'

const namePrefix = 'bootstrap-token-'
const userPrefix = 'system:bootstrap:'
const group = 'system:bootstrappers'
const tokenPattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/
const extraGroupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/

export interface BootstrapTokensDeps {
  readonly objects: ObjectStore
  readonly apiAudiences: readonly string[]
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Tokens that new hosts join with: `<id>.<secret>`, kept in Secrets of kube-system. */
export function bootstrapTokens(deps: BootstrapTokensDeps): TokenAuthenticator {
  return forApiOnly(deps.apiAudiences, async (token) => {
    const [, id, secret] = tokenPattern.exec(token) ?? []
    if (id === undefined || secret === undefined) return undefined
    const stored = await find(deps, id)
    // One answer whatever is wrong, so that nobody learns which ids there are.
    if (!stored || !isGood(stored, { id, secret }, deps.clock)) {
      throw new TokenError('bootstrap token is unknown, has expired or may not be used for authentication')
    }
    return userOf(id, stored)
  })
}

async function find({ objects, signal }: BootstrapTokensDeps, id: string): Promise<KubeObject | undefined> {
  const key = keyOf(secrets, bootstrapNamespace, `${namePrefix}${id}`)
  const cache = await objects.cache(secrets, signal)
  return cache.get(key)?.object as KubeObject | undefined
}

function isGood(stored: KubeObject, given: { id: string; secret: string }, clock: Clock): boolean {
  if (stored['type'] !== bootstrapType || stored.metadata.deletionTimestamp !== undefined) return false
  if (!sameText(valueOf(stored, 'token-secret'), given.secret)) return false
  if (valueOf(stored, 'token-id') !== given.id) return false
  if (isExpired(stored, clock)) return false
  return valueOf(stored, 'usage-bootstrap-authentication') === 'true' && extraGroups(stored) !== undefined
}

function userOf(id: string, stored: KubeObject): UserInfo {
  return { name: `${userPrefix}${id}`, groups: [group, ...(extraGroups(stored) ?? [])] }
}

/** Undefined when one of them is no group for hosts that join. */
function extraGroups(stored: KubeObject): string[] | undefined {
  const names = valueOf(stored, 'auth-extra-groups').split(',').filter(Boolean)
  return names.every((name) => extraGroupPattern.test(name)) ? [...new Set(names)].toSorted() : undefined
}

/** When a token ends, in milliseconds since the epoch. Undefined: never. What cannot be read has ended already. */
export function expiryOf(stored: KubeObject): number | undefined {
  const text = valueOf(stored, 'expiration')
  if (text === '') return undefined
  const isTime = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text)
  const time = isTime ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time
}

export function isExpired(stored: KubeObject, clock: Pick<Clock, 'now'>): boolean {
  const expiry = expiryOf(stored)
  return expiry !== undefined && expiry <= clock.now()
}

function valueOf(stored: KubeObject, key: string): string {
  return Buffer.from(textAt(stored, 'data', key), 'base64').toString()
}

/** Takes the same time whatever differs, lengths included. */
function sameText(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
