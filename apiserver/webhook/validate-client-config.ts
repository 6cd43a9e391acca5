import { X509Certificate } from 'node:crypto'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import { dnsSubdomain } from '../registry/names.ts'
import type { FieldError } from '../registry/field-errors.ts'
import { invalidField, requiredField } from '../schema/field-error.ts'

const form = '; desired format: https://host[/path]'

/** What is wrong with a `WebhookClientConfig` at the field path `path`, in Kubernetes' words. */
export function validateClientConfig(path: string, config: JsonObject): FieldError[] {
  const { url, service, caBundle } = config
  if ((url === undefined) === (service === undefined)) {
    return [requiredField(path, 'exactly one of url or service is required')]
  }
  return [
    ...(typeof url === 'string' ? validateUrl(`${path}.url`, url) : []),
    ...(isJsonObject(service) ? validateService(`${path}.service`, service) : []),
    ...(typeof caBundle === 'string' && caBundle !== '' ? validateBundle(`${path}.caBundle`, caBundle) : []),
  ]
}

function validateUrl(field: string, text: string): FieldError[] {
  if (!URL.canParse(text)) {
    const relative = !text.includes('://')
    if (!relative)
      return [requiredField(field, `url must be a valid URL: parse ${JSON.stringify(text)}: invalid${form}`)]
    return [
      invalidField(field, '', `'https' is the only allowed URL scheme${form}`),
      invalidField(field, '', `host must be specified${form}`),
    ]
  }
  const url = new URL(text)
  const problems: FieldError[] = []
  if (url.protocol !== 'https:') {
    problems.push(
      invalidField(field, url.protocol.slice(0, -1), `'https' is the only allowed URL scheme${form}`),
    )
  }
  if (url.host === '') problems.push(invalidField(field, url.host, `host must be specified${form}`))
  if (url.username !== '' || url.password !== '') {
    problems.push(invalidField(field, url.username, 'user information is not permitted in the URL'))
  }
  if (url.hash !== '') {
    problems.push(invalidField(field, url.hash.slice(1), 'fragments are not permitted in the URL'))
  }
  if (url.search !== '') {
    problems.push(invalidField(field, url.search.slice(1), 'query parameters are not permitted in the URL'))
  }
  return problems
}

function validateService(field: string, service: JsonObject): FieldError[] {
  const { name, namespace, path, port } = service
  const problems: FieldError[] = []
  if (name === undefined || name === '')
    problems.push(requiredField(`${field}.name`, 'service name is required'))
  if (namespace === undefined || namespace === '') {
    problems.push(requiredField(`${field}.namespace`, 'service namespace is required'))
  }
  if (typeof port === 'number' && !(Number.isInteger(port) && port >= 1 && port <= 65535)) {
    problems.push(
      invalidField(`${field}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'),
    )
  }
  return typeof path === 'string' ? [...problems, ...validatePath(`${field}.path`, path)] : problems
}

function validatePath(field: string, path: string): FieldError[] {
  if (path === '' || path === '/') return []
  const problems: FieldError[] = []
  if (path === '//') return [invalidField(field, path, 'segment[0] may not be empty')]
  if (!path.startsWith('/')) problems.push(invalidField(field, path, "must start with a '/'"))
  const segments = path.slice(1).replace(/\/$/, '').split('/')
  segments.forEach((segment, index) => {
    if (segment === '') problems.push(invalidField(field, path, `segment[${index}] may not be empty`))
    else
      for (const problem of dnsSubdomain(segment)) {
        problems.push(invalidField(field, path, `segment[${index}]: ${problem}`))
      }
  })
  return problems
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

function validateBundle(field: string, caBundle: string): FieldError[] {
  const refused = (why: string) => [invalidField(field, caBundle, `unable to load root certificates: ${why}`)]
  const certificates = Buffer.from(caBundle, 'base64').toString('latin1').match(pemCertificate)
  if (!certificates) return refused('unable to parse bytes as PEM block')
  try {
    for (const one of certificates) new X509Certificate(one)
  } catch {
    return refused('data does not contain any valid RSA or ECDSA certificates')
  }
  return []
}
