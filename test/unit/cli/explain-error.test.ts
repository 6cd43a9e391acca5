import { describe, expect, test } from 'vitest'
import { StatusError } from '../../../apimachinery/status-error.ts'
import { explainError } from '../../../cli/explain-error.ts'
import { UsageError } from '../../../cli/usage-error.ts'

const server = 'https://host.example:6443/prefix'
const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const unreachable = (cause: Error) =>
  new StatusError('ServiceUnavailable', `the server cannot be reached: ${cause.message}`, { cause })
const invalid = (...causes: { field: string; message: string }[]) =>
  new StatusError('Invalid', 'long', { details: { kind: 'VirtualMachine', name: 'web', causes } })

const cases: [name: string, error: unknown, text: string][] = [
  ['what was asked wrongly', new UsageError('no'), 'error: no'],
  [
    'what is not there',
    new StatusError('NotFound', 'vms "a" not found'),
    'Error from server (NotFound): vms "a" not found',
  ],
  [
    'a server that is overloaded',
    new StatusError('ServiceUnavailable', 'try later'),
    'Error from server (ServiceUnavailable): try later',
  ],
  [
    'who is not known',
    new StatusError('Unauthorized', 'Unauthorized'),
    'error: You must be logged in to the server (Unauthorized)',
  ],
  [
    'one wrong field',
    invalid({ field: 'spec.a', message: 'bad' }),
    'The VirtualMachine "web" is invalid: spec.a: bad',
  ],
  [
    'several, each once',
    invalid({ field: 'a', message: 'x' }, { field: 'b', message: 'y' }, { field: 'a', message: 'x' }),
    'The VirtualMachine "web" is invalid: \n* a: x\n* b: y',
  ],
  [
    'a server that is not there',
    unreachable(refused),
    'The connection to the server host.example:6443 was refused - did you specify the right host or port?',
  ],
  [
    'a server that is at none of its addresses',
    unreachable(new AggregateError([refused], 'all failed')),
    'The connection to the server host.example:6443 was refused - did you specify the right host or port?',
  ],
  [
    'a certificate that cannot be trusted',
    unreachable(new Error('self-signed certificate')),
    'Unable to connect to the server: self-signed certificate',
  ],
  [
    'several errors, a line each',
    new AggregateError([new UsageError('a'), new UsageError('b')]),
    'error: a\nerror: b',
  ],
]

describe('an error', () => {
  test.each(cases)('explains %s', (_, error, text) => {
    expect(explainError(error, server)).toBe(text)
  })

  test('of ours keeps its stack', () => {
    expect(explainError(new TypeError('bug'), server)).toMatch(/TypeError: bug\n +at /)
  })
})
