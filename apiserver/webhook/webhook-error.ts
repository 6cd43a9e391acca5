import type { ClientRequest } from 'node:http'
import { goQuote } from '../../apimachinery/selectors/go-quote.ts'

/**
 * `timeout`: no whole answer in time. `cancelled`: the caller gave up. `unreachable`: no connection, or one that broke.
 * `status`: the webhook answered with another code than 2xx. `too-large`, `malformed`: its answer cannot be used.
 * `config`: it was not called at all.
 */
export type WebhookFailure =
  'config' | 'unreachable' | 'timeout' | 'cancelled' | 'status' | 'too-large' | 'malformed'

/** Why a webhook gave no usable answer; the message is the one that Kubernetes' client would give. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly failure: WebhookFailure
  /** HTTP code of the answer, with failure `status`. */
  readonly code: number | undefined
  /** How long the webhook asked to be left alone. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    failure: WebhookFailure,
    message: string,
    more: { cause?: unknown; code?: number; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message, { cause: more.cause })
    this.failure = failure
    this.code = more.code
    this.retryAfterSeconds = more.retryAfterSeconds
  }
}

/** `Post "https://host/path": detail`, as Go prints failed requests. */
export function requestFailure(
  url: URL,
  failure: WebhookFailure,
  detail: string,
  cause?: unknown,
): WebhookError {
  return new WebhookError(failure, `Post ${goQuote(url.href)}: ${detail}`, { cause })
}

interface SocketError extends Error {
  readonly code?: string
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
  readonly cert?: { readonly subjectaltname?: string }
  readonly host?: string
}

const unknownAuthority = 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
const outOfDate = 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid'

const socketTexts: Readonly<Record<string, (error: SocketError) => string>> = {
  ECONNREFUSED: (error) => `dial tcp ${dialed(error)}: connect: connection refused`,
  EHOSTUNREACH: (error) => `dial tcp ${dialed(error)}: connect: no route to host`,
  ENETUNREACH: (error) => `dial tcp ${dialed(error)}: connect: network is unreachable`,
  ETIMEDOUT: (error) => `dial tcp ${dialed(error)}: i/o timeout`,
  ENOTFOUND: ({ hostname = '' }) => `dial tcp: lookup ${hostname}: no such host`,
  EAI_AGAIN: ({ hostname = '' }) => `dial tcp: lookup ${hostname}: server misbehaving`,
  ECONNRESET: ({ message }) => (message === 'socket hang up' ? 'EOF' : 'connection reset by peer'),
  EPIPE: () => 'write: broken pipe',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: () => unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: () => unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: () => unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: () => unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: () => unknownAuthority,
  CERT_SIGNATURE_FAILURE: () => unknownAuthority,
  CERT_HAS_EXPIRED: () => outOfDate,
  CERT_NOT_YET_VALID: () => outOfDate,
  ERR_TLS_CERT_ALTNAME_INVALID: wrongName,
  ERR_SSL_WRONG_VERSION_NUMBER: () => 'http: server gave HTTP response to HTTPS client',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: () => 'http: server gave HTTP response to HTTPS client',
}

/** What went wrong on the way, in Go's words where there are some. */
export function socketFailure(url: URL, error: unknown): WebhookError {
  return requestFailure(url, 'unreachable', socketText(error), error)
}

/** The same without the request that it happened to. */
export function socketText(error: unknown): string {
  const socketError = error as SocketError
  return socketTexts[socketError.code ?? '']?.(socketError) ?? socketError.message
}

/** Whether a kept connection was closed by the other side just when a request was put on it. */
export function wasStale(request: ClientRequest, error: unknown): boolean {
  const { code } = error as SocketError
  return request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')
}

function dialed({ address = '', port = 0 }: SocketError): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function wrongName({ cert, host = '' }: SocketError): string {
  const names = (cert?.subjectaltname ?? '')
    .split(', ')
    .filter((name) => name !== '')
    .map((name) => name.replace(/^(DNS|IP Address):/, ''))
  const why =
    names.length === 0
      ? `certificate is not valid for any names, but wanted to match ${host}`
      : `certificate is valid for ${names.join(', ')}, not ${host}`
  return `tls: failed to verify certificate: x509: ${why}`
}

const statusTexts: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  409: 'the server reported a conflict',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
}

// Enough to recognise what a page says.
const maxQuotedLength = 2048

/** What Kubernetes' client says about an answer that is no success. */
export function statusFailure(code: number, body: Buffer, retryAfter: string | undefined): WebhookError {
  const said = body.toString('utf8', 0, maxQuotedLength).trim()
  const seconds = Number(retryAfter)
  return new WebhookError('status', statusText(code, said), {
    code,
    retryAfterSeconds: retryAfter !== undefined && Number.isInteger(seconds) ? seconds : undefined,
  })
}

function statusText(code: number, said: string): string {
  const known = statusTexts[code]
  if (known !== undefined) return known
  if ((code === 403 || code === 406 || code === 415) && said !== '') return said
  if (code >= 500) {
    return `an error on the server (${goQuote(said || 'unknown')}) has prevented the request from being successful`
  }
  return `the server responded with the status code ${code} but did not return more information`
}
