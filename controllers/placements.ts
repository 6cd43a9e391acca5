import { keyOf } from '../apimachinery/client/client.ts'
import { type Demand, demandOf, type Instance, isFinished } from './instances.ts'

interface Placement extends Demand {
  readonly uid: string
  readonly hostName: string
  /** Written by us, not yet seen in the cache. */
  readonly assumed: boolean
}

export interface HostUsage extends Demand {
  /** Runs that were placed on the host and are not over. */
  readonly machines: number
}

const nothing: HostUsage = { cpus: 0, memoryBytes: 0, machines: 0 }

/**
 * What is promised on each host: every run that the cache shows there and that is not over, and what was placed a
 * moment ago and the cache does not show yet. Kept up to date change by change, so that asking costs nothing.
 */
export class Placements {
  readonly #placements = new Map<string, Placement>()
  readonly #usage = new Map<string, HostUsage>()

  /** A change of the cache; `instance` is undefined when the run is gone. */
  observe(key: string, instance: Instance | undefined): void {
    const known = this.#placements.get(key)
    // The cache is behind our own write.
    if (known?.assumed && instance?.metadata.uid === known.uid && isUnplaced(instance)) return
    const hostName = instance?.spec.hostName
    if (instance === undefined || hostName === undefined || isFinished(instance)) return this.#remove(key)
    this.#put(key, { uid: instance.metadata.uid, hostName, assumed: false, ...demandOf(instance) })
  }

  /** From now on the run counts on the host, whatever the cache shows. */
  assume(instance: Instance, hostName: string): void {
    this.#put(keyOf(instance.metadata), {
      uid: instance.metadata.uid,
      hostName,
      assumed: true,
      ...demandOf(instance),
    })
  }

  /** The assumption about the run was wrong: it was not placed. */
  forget(instance: Instance): void {
    const key = keyOf(instance.metadata)
    if (this.#placements.get(key)?.assumed) this.#remove(key)
  }

  usageOf(hostName: string): HostUsage {
    return this.#usage.get(hostName) ?? nothing
  }

  #put(key: string, placement: Placement): void {
    this.#remove(key)
    this.#placements.set(key, placement)
    this.#add(placement, 1)
  }

  #remove(key: string): void {
    const placement = this.#placements.get(key)
    if (placement === undefined) return
    this.#placements.delete(key)
    this.#add(placement, -1)
  }

  #add({ hostName, cpus, memoryBytes }: Placement, sign: 1 | -1): void {
    const usage = this.usageOf(hostName)
    const next = {
      cpus: usage.cpus + sign * cpus,
      memoryBytes: usage.memoryBytes + sign * memoryBytes,
      machines: usage.machines + sign,
    }
    if (next.machines === 0) this.#usage.delete(hostName)
    else this.#usage.set(hostName, next)
  }
}

/** It waits for a host, or goes without one. */
export function isUnplaced(instance: Instance): boolean {
  return instance.spec.hostName === undefined && !isFinished(instance)
}
