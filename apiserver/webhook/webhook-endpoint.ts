import type { Credentials } from '../../apimachinery/client/http/connection.ts'
import { loadConfig } from '../../apimachinery/client/config.ts'
import { WebhookError } from './webhook-error.ts'

/** Kubernetes' `WebhookClientConfig`: one of `url` and `service`, and the authorities to trust, PEM in base64. */
export interface WebhookClientConfig {
  readonly url?: string
  readonly service?: ServiceReference
  readonly caBundle?: string
}

export interface ServiceReference {
  readonly namespace: string
  readonly name: string
  readonly path?: string
  /** Default 443. */
  readonly port?: number
}

/** Where a webhook listens and how to get in. */
export interface WebhookEndpoint {
  readonly url: URL
  /** Asked again now and then, because certificates and tokens are renewed. */
  readonly credentials: () => Promise<Credentials>
}

/** `https://host:port` of a service, without a path; undefined when there is no such service. */
export type ResolveService = (service: ServiceReference) => string | undefined

/** The endpoint that an object names. Throws WebhookError `config`. */
export function endpointOf(config: WebhookClientConfig, resolveService?: ResolveService): WebhookEndpoint {
  const { url, service, caBundle } = config
  const ca = caBundle === undefined || caBundle === '' ? undefined : Buffer.from(caBundle, 'base64')
  const authority = ca === undefined ? {} : { ca }
  if (url !== undefined) {
    return { url: httpsUrl(url), credentials: async () => ({ headers: {}, ...authority }) }
  }
  if (service === undefined)
    throw new WebhookError('config', 'webhook configuration must have either service or URL')
  const { namespace, name, path = '/' } = service
  const base = resolveService?.(service)
  if (base === undefined) {
    throw new WebhookError(
      'config',
      `service ${JSON.stringify(`${namespace}/${name}`)} cannot be reached: this server serves no Services; ` +
        'give the address as clientConfig.url',
    )
  }
  // Certificates of services are made out to their names, wherever they listen.
  const serverName = `${name}.${namespace}.svc`
  return {
    url: httpsUrl(new URL(path, base).href),
    credentials: async () => ({ headers: {}, serverName, ...authority }),
  }
}

/**
 * The endpoint in a kubeconfig file, as the flags for audit, token and authorization webhooks take it: the server's
 * URL with its path, its authority, client certificate, token, basic credentials or exec plugin. Throws ConfigError.
 */
export function endpointFromKubeconfig(path: string): WebhookEndpoint {
  const { server, credentials } = loadConfig({ kubeconfig: path })
  return { url: new URL(server), credentials }
}

function httpsUrl(text: string): URL {
  if (!URL.canParse(text)) throw new WebhookError('config', `${JSON.stringify(text)} is not a URL`)
  const url = new URL(text)
  if (url.protocol !== 'https:') {
    throw new WebhookError('config', `${JSON.stringify(text)} is not allowed: webhooks are called over https`)
  }
  return url
}
