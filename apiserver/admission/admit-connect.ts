import { notFound } from '../../apimachinery/status-error.ts'
import type { UserInfo } from '../http/exchange.ts'
import type { RequestInfo } from '../http/request-info.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import type { Admission } from './admission.ts'

/** Asks admission about a connection to an object, such as a console, that is about to be opened. */
export type AdmitConnect = (user: UserInfo, info: RequestInfo, signal: AbortSignal) => Promise<void>

/** Connections have neither an object nor options: plugins decide by who wants what. Throws what they throw. */
export function connectAdmission(admission: Admission, resources: ResourceMap): AdmitConnect {
  return async (user, { group, version, resource, namespace, name, subresource }, signal) => {
    const definition = resources.find(group, version, resource)
    if (!definition) throw notFound({ group, resource }, name)
    const request = {
      operation: 'CONNECT' as const,
      definition,
      namespace,
      name,
      subresource,
      object: undefined,
      current: undefined,
      user,
      dryRun: false,
      options: {},
      signal,
      warnings: [],
      annotations: new Map<string, string>(),
    }
    await admission.mutate(request)
    await admission.validate(request)
  }
}
