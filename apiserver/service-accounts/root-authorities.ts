import { X509Certificate } from 'node:crypto'
import type { Clock } from '../../apimachinery/clock.ts'
import { configMaps } from '../registry/builtin/config.ts'
import { textAt, type KubeObject } from '../registry/kube-object.ts'
import { keyOf } from '../registry/resource-definition.ts'
import { follow } from '../registry/follow.ts'
import { NamespaceContent, type ControllerDeps } from './namespace-content.ts'

const name = 'kube-root-ca.crt'
const dataKey = 'ca.crt'
/** The copy that the others are made from. This namespace is never deleted. */
const home = 'kube-system'

/**
 * Publishes in every namespace whom to believe about the address of the API. Servers with authorities of their own
 * add them to the copy in kube-system, and all copies follow that one: so they agree without electing anybody.
 */
export class RootAuthorities {
  readonly #deps: ControllerDeps
  readonly #own: string
  readonly #contents: NamespaceContent
  readonly #listeners: (() => void)[] = []

  /** `own` is PEM, several certificates perhaps. */
  constructor(deps: ControllerDeps, own: string) {
    this.#deps = deps
    this.#own = own
    this.#contents = new NamespaceContent(deps, {
      name: 'authorities of namespaces',
      definition: configMaps,
      objectName: name,
      ensure: (namespace, current) => this.#ensure(namespace, current),
    })
  }

  async start(): Promise<void> {
    const { objects, signal } = this.#deps
    await this.#contents.start()
    await follow(objects, configMaps, signal, {
      onPresent() {},
      onEvents: (events) => {
        if (!events.some(({ item }) => item.key === keyOf(configMaps, home, name))) return
        for (const listener of this.#listeners) listener()
        this.#contents.lookAgain().catch(() => {
          // Only the end of the server ends a cache that is open.
        })
      },
    })
  }

  /** What is published, PEM; undefined at the very start. */
  async published(): Promise<string | undefined> {
    const { objects, signal } = this.#deps
    const cache = await objects.cache(configMaps, signal)
    return textAt(cache.get(keyOf(configMaps, home, name))?.object, 'data', dataKey) || undefined
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  async #ensure(namespace: string, current: KubeObject | undefined): Promise<void> {
    const { local, clock } = this.#deps
    const known = await this.published()
    // Until the first copy is there the others have nothing to follow.
    if (namespace !== home && known === undefined) return
    const wanted = namespace === home ? bundleOf([known ?? '', this.#own], clock) : (known ?? '')
    if (!current) {
      await local.createIfMissing(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name,
          namespace,
          annotations: {
            'kubernetes.io/description': 'Authorities that certificates of the API server are checked with.',
          },
        },
        data: { [dataKey]: wanted },
      })
      return
    }
    if (isExactly(current, wanted)) return
    await local.update(configMaps, { namespace, name }, (now) => {
      const bundle = namespace === home ? bundleOf([textAt(now, 'data', dataKey), this.#own], clock) : wanted
      return isExactly(now, bundle) ? undefined : { ...now, data: { [dataKey]: bundle } }
    })
  }
}

function isExactly(object: KubeObject, bundle: string): boolean {
  const { data } = object as { data?: Record<string, string> }
  return Object.keys(data ?? {}).length === 1 && data?.[dataKey] === bundle
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/** The certificates in some PEM texts that are still good, each once and in the same order for every server. */
export function bundleOf(texts: readonly string[], clock: Pick<Clock, 'now'>): string {
  const certificates = new Map<string, string>()
  for (const [block] of texts.flatMap((text) => [...text.matchAll(pemCertificate)])) {
    const certificate = readCertificate(block)
    if (!certificate || certificate.validToDate.getTime() < clock.now()) continue
    certificates.set(certificate.fingerprint256, certificate.toString())
  }
  return [...certificates]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, pem]) => pem)
    .join('')
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}
