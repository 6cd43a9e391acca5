import { badRequest, invalid, StatusError } from '../../apimachinery/status-error.ts'
import type { RequestContext } from '../http/exchange.ts'
import { isTrue } from '../http/request-info.ts'
import {
  forbiddenField,
  invalidValue,
  tooLong,
  unsupportedValue,
  type FieldError,
} from '../registry/field-errors.ts'

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict'

/** The query parameters of create, update and patch. */
export interface WriteOptions {
  readonly dryRun: boolean
  readonly fieldManager: string
  readonly fieldManagerGiven: boolean
  readonly fieldValidation: FieldValidation
  readonly force: boolean | undefined
}

type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions' | 'ListOptions'

/** Throws Invalid, worded for `kind`, when a parameter is out of range. */
export function parseWriteOptions({ query, request }: RequestContext, kind: OptionsKind): WriteOptions {
  const errors: FieldError[] = []
  const dryRun = parseDryRun(query.getAll('dryRun'), errors)
  const fieldValidation = query.get('fieldValidation') ?? ''
  if (!isFieldValidation(fieldValidation)) {
    errors.push(unsupportedValue('fieldValidation', fieldValidation, ['', 'Ignore', 'Strict', 'Warn']))
  }
  const given = query.get('fieldManager') ?? ''
  if (Buffer.byteLength(given) > 128) errors.push(tooLong('fieldManager', 128))
  if (/[^\P{C}]/u.test(given)) {
    errors.push(invalidValue('fieldManager', given, 'should only contain printable characters'))
  }
  refuseOptions(kind, errors)
  return {
    dryRun,
    fieldManager: given || managerFromUserAgent(request.headers['user-agent']),
    fieldManagerGiven: given !== '',
    fieldValidation: isFieldValidation(fieldValidation) && fieldValidation ? fieldValidation : 'Warn',
    force: query.has('force') ? isTrue(query.get('force')) : undefined,
  }
}

function isFieldValidation(text: string): text is FieldValidation | '' {
  return text === '' || text === 'Ignore' || text === 'Warn' || text === 'Strict'
}

/** Collects a fault into `errors`. */
export function parseDryRun(values: readonly string[], errors: FieldError[]): boolean {
  const asked = values.filter((value) => value !== '')
  for (const value of asked) if (value !== 'All') errors.push(unsupportedValue('dryRun', value, ['All']))
  return asked.length > 0
}

export function refuseOptions(kind: OptionsKind, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors)
}

function managerFromUserAgent(userAgent: string | undefined): string {
  return ((userAgent ?? '').split('/')[0] || 'unknown').slice(0, 128)
}

/** The query parameters of list, watch and deletecollection; selectors are parsed elsewhere. */
export interface ListOptions {
  /** Undefined when not given: the most recent state. 0: any state. */
  readonly resourceVersion: number | undefined
  readonly match: 'Exact' | 'NotOlderThan' | undefined
  /** 0: no limit. */
  readonly limit: number
  readonly continueToken: string
  readonly timeoutSeconds: number | undefined
  readonly allowWatchBookmarks: boolean
  readonly sendInitialEvents: boolean | undefined
}

/** Throws Invalid or BadRequest. */
export function parseListOptions({ query }: RequestContext, watch: boolean): ListOptions {
  const text = (name: string) => query.get(name) ?? ''
  const version = text('resourceVersion')
  const match = text('resourceVersionMatch')
  const continueToken = text('continue')
  const sendInitialEvents = query.has('sendInitialEvents')
    ? isTrue(query.get('sendInitialEvents'))
    : undefined
  const given = { version, match, continueToken, sendInitialEvents }
  refuseOptions('ListOptions', watch ? watchFaults(given) : listFaults(given))
  if (continueToken !== '' && version !== '' && version !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue')
  }
  return {
    resourceVersion: version === '' ? undefined : parseVersion(version),
    match: isMatch(match) ? match : undefined,
    limit: parseCount(query, 'limit') ?? 0,
    continueToken,
    timeoutSeconds: parseCount(query, 'timeoutSeconds'),
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents,
  }
}

interface Given {
  readonly version: string
  readonly match: string
  readonly continueToken: string
  readonly sendInitialEvents: boolean | undefined
}

const matchField = 'resourceVersionMatch'

function isMatch(text: string): text is 'Exact' | 'NotOlderThan' {
  return text === 'Exact' || text === 'NotOlderThan'
}

function matchFaults(match: string): FieldError[] {
  if (match === '' || isMatch(match)) return []
  return [unsupportedValue(matchField, match, ['Exact', 'NotOlderThan', ''])]
}

function listFaults({ version, match, continueToken, sendInitialEvents }: Given): FieldError[] {
  const faults: FieldError[] = []
  if (match !== '') {
    if (version === '') {
      faults.push(forbiddenField(matchField, `${matchField} is forbidden unless resourceVersion is provided`))
    }
    if (continueToken !== '') {
      faults.push(forbiddenField(matchField, `${matchField} is forbidden when continue is provided`))
    }
    faults.push(...matchFaults(match))
    if (match === 'Exact' && version === '0') {
      faults.push(forbiddenField(matchField, `${matchField} "Exact" is forbidden for resourceVersion "0"`))
    }
  }
  if (sendInitialEvents !== undefined) {
    faults.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  }
  return faults
}

function watchFaults({ match, continueToken, sendInitialEvents }: Given): FieldError[] {
  const faults: FieldError[] = []
  if (sendInitialEvents === undefined) {
    if (match !== '') {
      faults.push(
        forbiddenField(
          matchField,
          `${matchField} is forbidden for watch unless sendInitialEvents is provided`,
        ),
      )
    }
    return faults
  }
  if (match !== 'NotOlderThan') {
    faults.push(
      forbiddenField(matchField, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'),
      ...matchFaults(match),
    )
  }
  if (continueToken !== '') {
    faults.push(forbiddenField(matchField, 'resourceVersionMatch is forbidden when continue is provided'))
  }
  return faults
}

/** Throws Invalid, as Kubernetes does for a version that is not a number. */
export function parseVersion(text: string): number {
  const version = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(version)) return version
  throw new StatusError(
    'Invalid',
    `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    {
      details: {
        causes: [
          {
            reason: 'FieldValueInvalid',
            message: `Invalid value: ${JSON.stringify(text)}: must be a decimal number`,
            field: 'resourceVersion',
          },
        ],
      },
    },
  )
}

function parseCount(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  const count = Number(text)
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(count)) {
    throw badRequest(
      `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax (query parameter ${name})`,
    )
  }
  return Math.max(0, count)
}
