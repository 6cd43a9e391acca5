import type { CacheEvent } from '../cache/cache.ts'
import { removeStored } from '../lifecycle/remove-stored.ts'
import { secrets } from '../registry/builtin/config.ts'
import { serviceAccounts } from '../registry/builtin/identity.ts'
import { follow } from '../registry/follow.ts'
import { KeyQueue } from '../registry/key-queue.ts'
import { objectAt, objectsAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import { prefixOf } from '../registry/resource-definition.ts'
import type { ControllerDeps } from './namespace-content.ts'
import { accountNameAnnotation, accountUidAnnotation, tokenSecretType, type AccountName } from './names.ts'
import type { RootAuthorities } from './root-authorities.ts'
import type { AccountLookup } from './stored-accounts.ts'
import type { TokenIssuer } from './token-issuer.ts'

export interface SecretTokensDeps extends ControllerDeps {
  readonly issuer: TokenIssuer
  readonly lookup: AccountLookup
  readonly authorities: RootAuthorities
}

/**
 * Fills Secrets that ask for a token which never expires, and removes them with their account. Servers that do so at
 * the same time agree through the store: the first token that is written stays.
 */
export class SecretTokens {
  readonly #deps: SecretTokensDeps
  readonly #queue: KeyQueue

  constructor(deps: SecretTokensDeps) {
    this.#deps = deps
    this.#queue = new KeyQueue({
      ...deps,
      name: 'tokens in secrets',
      concurrency: 4,
      work: (key) => this.#reconcile(key),
    })
  }

  async start(): Promise<void> {
    const { objects, signal, authorities } = this.#deps
    await follow(objects, secrets, signal, {
      onPresent: (items) => items.forEach(({ object, key }) => this.#look(object as KubeObject, key)),
      onEvents: (events) => events.forEach((event) => this.#onSecret(event)),
    })
    await follow(objects, serviceAccounts, signal, {
      onPresent() {},
      onEvents: (events) => {
        for (const { item } of events) this.#lookInto((item.object as KubeObject).metadata.namespace ?? '')
      },
    })
    authorities.onChange(() => this.#lookInto(''))
  }

  #look(secret: KubeObject, key: string): void {
    if (secret['type'] === tokenSecretType) this.#queue.add(key)
  }

  #onSecret({ type, item }: CacheEvent): void {
    const secret = item.object as KubeObject
    if (type !== 'DELETED') this.#look(secret, item.key)
    else if (secret['type'] === tokenSecretType) {
      this.#forget(secret).catch((error: unknown) => {
        if (!this.#deps.signal.aborted)
          this.#deps.log.warn('Taking a secret off its account failed', { secret: item.key, error })
      })
    }
  }

  /** Looks at the Secrets of a namespace, or of all when it is empty. */
  #lookInto(namespace: string): void {
    const { objects, signal } = this.#deps
    objects.cache(secrets, signal).then(
      (cache) => {
        for (const { object, key } of cache.list(prefixOf(secrets, namespace))) {
          this.#look(object as KubeObject, key)
        }
      },
      () => {
        // Only the end of the server ends a cache that is open.
      },
    )
  }

  async #reconcile(key: string): Promise<void> {
    const { objects, signal, authorities, issuer, local } = this.#deps
    const cache = await objects.cache(secrets, signal)
    const secret = cache.get(key)?.object as KubeObject | undefined
    if (!secret || secret.metadata.deletionTimestamp !== undefined) return
    const { namespace = '', name = '', uid = '' } = secret.metadata
    const account = await this.#ownerOf(secret)
    if (!account) {
      await removeStored(this.#deps, secrets, key, { uid })
      return
    }
    const authority = await authorities.published()
    if (isComplete(secret, account.uid, authority)) return
    const token = await issuer.issueForSecret(account, name)
    await local.update(secrets, { namespace, name }, (current) =>
      current.metadata.uid === uid
        ? filled(current, { accountUid: account.uid, authority, token })
        : undefined,
    )
  }

  /** The account that the Secret is for; undefined when that is gone, or is another of the same name by now. */
  async #ownerOf({ metadata }: KubeObject): Promise<(AccountName & { uid: string }) | undefined> {
    const { namespace = '', annotations = {} } = metadata
    const name = annotations[accountNameAnnotation] ?? ''
    const uid = (await this.#deps.lookup.account(namespace, name))?.metadata.uid
    const wanted = annotations[accountUidAnnotation] ?? uid
    return uid !== undefined && wanted === uid ? { namespace, name, uid } : undefined
  }

  /** Takes a Secret that is gone off the list that its account keeps. */
  async #forget({ metadata }: KubeObject): Promise<void> {
    const { namespace = '', name = '', annotations = {} } = metadata
    const accountName = annotations[accountNameAnnotation] ?? ''
    const lists = (account: KubeObject | undefined) =>
      objectsAt(account, 'secrets').some((one) => one['name'] === name)
    if (!lists(await this.#deps.lookup.account(namespace, accountName))) return
    await this.#deps.local.update(serviceAccounts, { namespace, name: accountName }, (account) =>
      lists(account)
        ? { ...account, secrets: objectsAt(account, 'secrets').filter((one) => one['name'] !== name) }
        : undefined,
    )
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

function isComplete(secret: KubeObject, accountUid: string, authority: string | undefined): boolean {
  const { namespace = '', annotations = {} } = secret.metadata
  return (
    textAt(secret, 'data', 'token') !== '' &&
    textAt(secret, 'data', 'namespace') === base64(namespace) &&
    (authority === undefined || textAt(secret, 'data', 'ca.crt') === base64(authority)) &&
    annotations[accountUidAnnotation] === accountUid
  )
}

function filled(
  secret: KubeObject,
  { accountUid, authority, token }: { accountUid: string; authority: string | undefined; token: string },
): KubeObject | undefined {
  if (isComplete(secret, accountUid, authority)) return undefined
  const { metadata } = secret
  return {
    ...secret,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [accountUidAnnotation]: accountUid } },
    data: {
      ...objectAt(secret, 'data'),
      ...(authority !== undefined && { 'ca.crt': base64(authority) }),
      namespace: base64(metadata.namespace ?? ''),
      token: textAt(secret, 'data', 'token') || base64(token),
    },
  }
}
