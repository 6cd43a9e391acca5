import type { Domain, LibvirtHost } from 'node-libvirt'
import {
  LibvirtError,
  typedParams,
  virDomainMetadataType,
  virDomainStatsTypes,
  virErrorNumber,
} from 'node-libvirt'
import type { Logger } from '../../../apimachinery/log.ts'
import type { DomainOwner } from '../domain-spec.ts'
import type { ObservedDomain } from '../hypervisor.ts'
import { HypervisorError } from '../hypervisor.ts'
import type { DomainCondition } from './domain-state.ts'
import { conditionOf } from './domain-state.ts'
import { domainMetadataUri, parseOwner } from './xml/metadata.ts'

/** A domain as libvirt's calls take it: the daemon looks at the UUID only. */
export function domainHandle(uuid: string): Domain {
  return { uuid, name: '', id: -1 }
}

/** Reads domains: state and owner, in as few round trips as it takes. */
export class DomainReader {
  readonly #libvirt: LibvirtHost
  readonly #log: Logger

  constructor(libvirt: LibvirtHost, log: Logger) {
    this.#libvirt = libvirt
    this.#log = log
  }

  /** The domain, in one round trip; undefined when there is none. */
  async read(uuid: string, signal?: AbortSignal): Promise<ObservedDomain | undefined> {
    const [found, state, owner] = await Promise.all([
      orMissing(this.#libvirt.query('domainLookupByUuid', { uuid }, { signal })),
      orMissing(this.#libvirt.query('domainGetState', { dom: domainHandle(uuid) }, { signal })),
      this.#owner(uuid, signal),
    ])
    if (found === undefined || state === undefined || owner === 'missing') return undefined
    return { uuid, name: found.dom.name, owner, ...conditionOf(state.state, state.reason) }
  }

  /** Every domain: one call for all states, and one short call each for the owner. */
  async list(signal?: AbortSignal): Promise<readonly ObservedDomain[]> {
    const stats = virDomainStatsTypes.VIR_DOMAIN_STATS_STATE
    const { retStats } = await this.#libvirt.query(
      'connectGetAllDomainStats',
      { doms: [], stats },
      { signal },
    )
    const observed = await Promise.all(
      retStats.map(async ({ dom, params }): Promise<ObservedDomain | undefined> => {
        const owner = await this.#owner(dom.uuid, signal)
        if (owner === 'missing') return undefined
        return { uuid: dom.uuid, name: dom.name, owner, ...conditionFromStats(typedParams(params)) }
      }),
    )
    return observed.filter((domain) => domain !== undefined)
  }

  /** Like `read`, for a domain that is about to be changed; throws `conflict` when it is not ours. */
  async readOurs(uuid: string, signal?: AbortSignal): Promise<ObservedDomain | undefined> {
    const domain = await this.read(uuid, signal)
    if (domain !== undefined && domain.owner === undefined)
      throw new HypervisorError('conflict', `domain ${domain.name} is not managed by Kvorum`)
    return domain
  }

  async #owner(uuid: string, signal: AbortSignal | undefined): Promise<DomainOwner | undefined | 'missing'> {
    const type = virDomainMetadataType.VIR_DOMAIN_METADATA_ELEMENT
    const request = { dom: domainHandle(uuid), type, uri: domainMetadataUri }
    let metadata: string
    try {
      metadata = (await this.#libvirt.query('domainGetMetadata', request, { signal })).metadata
    } catch (error) {
      if (LibvirtError.is(error, virErrorNumber.VIR_ERR_NO_DOMAIN)) return 'missing'
      if (LibvirtError.is(error, virErrorNumber.VIR_ERR_NO_DOMAIN_METADATA)) return undefined
      throw error
    }
    try {
      return parseOwner(metadata)
    } catch (error) {
      // Whoever wrote it, it names no run of ours: hands off.
      this.#log.warn('Cannot read the owner of a domain', { uuid, error })
      return undefined
    }
  }
}

function conditionFromStats(params: ReturnType<typeof typedParams>): DomainCondition {
  return conditionOf(Number(params['state.state']), Number(params['state.reason']))
}

/** Undefined instead of the error for a domain that does not exist. */
export async function orMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (LibvirtError.is(error, virErrorNumber.VIR_ERR_NO_DOMAIN)) return undefined
    throw error
  }
}
