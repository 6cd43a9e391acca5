import { StatusError, type StatusDetails } from '../apimachinery/status-error.ts'
import { goQuote } from '../apimachinery/selectors/go-quote.ts'

// Each program has a class of its own for what its user got wrong.
const messageIsEnough = new Set([
  'UsageError',
  'ConfigError',
  'MissingProgramError',
  'JsonPathError',
  'BrokenOff',
])

/** What a person at a terminal needs, in kubectl's words; a stack only for what is our fault. */
export function explainError(error: unknown, server: string): string {
  if (error instanceof AggregateError) {
    return error.errors.map((each: unknown) => explainError(each, server)).join('\n')
  }
  if (error instanceof StatusError) return explainStatus(error, server)
  if (!(error instanceof Error)) return String(error)
  return messageIsEnough.has(error.name) ? `error: ${error.message}` : (error.stack ?? error.message)
}

function explainStatus(error: StatusError, server: string): string {
  const noConnection = connectionProblem(error, server)
  if (noConnection !== undefined) return noConnection
  if (error.reason === 'Invalid' && error.details !== undefined) return explainInvalid(error, error.details)
  if (error.reason === 'Unauthorized') {
    return `error: You must be logged in to the server (${error.message})`
  }
  return `Error from server (${error.reason}): ${error.message}`
}

/** Undefined when a server has answered. */
function connectionProblem(error: StatusError, server: string): string | undefined {
  if (error.reason !== 'ServiceUnavailable' || !(error.cause instanceof Error)) return undefined
  if (codesOf(error.cause).includes('ECONNREFUSED')) {
    const host = URL.canParse(server) ? new URL(server).host : server
    return `The connection to the server ${host} was refused - did you specify the right host or port?`
  }
  return `Unable to connect to the server: ${error.message.replace(/^the server cannot be reached: /, '')}`
}

function codesOf(error: Error & { code?: unknown }): unknown[] {
  const below: unknown[] = error instanceof AggregateError ? error.errors : []
  return [error.code, ...below.map((each) => (each as { code?: unknown } | undefined)?.code)]
}

function explainInvalid(error: StatusError, { kind = '', name = '', causes = [] }: StatusDetails): string {
  if (kind === '' && name === '' && causes.length === 0) return `The request is invalid: ${error.message}`
  const what =
    kind === '' && name === '' ? 'The request is invalid' : `The ${kind} ${goQuote(name)} is invalid`
  const lines = new Set(causes.map(({ field = '', message = '' }) => `${field}: ${message}`))
  if (lines.size === 0) return what
  if (lines.size === 1) return `${what}: ${[...lines].join('')}`
  return `${what}: \n${[...lines].map((line) => `* ${line}`).join('\n')}`
}
