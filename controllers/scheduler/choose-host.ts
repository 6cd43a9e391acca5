import type { Candidate, Filter, Misfit, PlacementRequest, Weight } from './candidate.ts'
import { diskLocality } from './filters/disk-locality.ts'
import { enoughCpu } from './filters/enough-cpu.ts'
import { enoughMemory } from './filters/enough-memory.ts'
import { hostSelector } from './filters/host-selector.ts'
import { imageLocality } from './filters/image-locality.ts'
import { networkAttached } from './filters/network-attached.ts'
import { ready } from './filters/ready.ts'
import { sameCluster } from './filters/same-cluster.ts'
import { schedulable } from './filters/schedulable.ts'
import { storageAttached } from './filters/storage-attached.ts'
import { freeCpu } from './weights/free-cpu.ts'
import { freeMemory } from './weights/free-memory.ts'
import { nearImages } from './weights/near-images.ts'

/** The first that applies to a host is the reason that counts for it: what an operator would look at first. */
const filters: readonly Filter[] = [
  sameCluster,
  ready,
  schedulable,
  hostSelector,
  diskLocality,
  imageLocality,
  storageAttached,
  networkAttached,
  enoughMemory,
  enoughCpu,
]

// Memory is what runs out first and cannot be shared.
const weights: readonly (readonly [Weight, number])[] = [
  [freeMemory, 10],
  // Worth a fifth of a host's memory, and no more: an image must not draw every machine to its host.
  [nearImages, 2],
  [freeCpu, 1],
]

export type Choice = { readonly hostName: string } | { readonly hostName: undefined; readonly why: string }

/** The best of the hosts that fit, the same for the same input; or why none does, counted by reason. */
export function chooseHost(request: PlacementRequest, candidates: readonly Candidate[]): Choice {
  const misfits = new Map<Misfit['one'], { misfit: Misfit; count: number }>()
  let best: { name: string; weight: number } | undefined
  for (const candidate of candidates) {
    const misfit = firstMisfit(request, candidate)
    if (misfit !== undefined) {
      const count = misfits.get(misfit.one)?.count ?? 0
      misfits.set(misfit.one, { misfit, count: count + 1 })
      continue
    }
    const name = candidate.host.metadata.name
    const weight = weigh(request, candidate)
    if (best === undefined || weight > best.weight || (weight === best.weight && name < best.name)) {
      best = { name, weight }
    }
  }
  if (best !== undefined) return { hostName: best.name }
  return { hostName: undefined, why: explain(candidates.length, [...misfits.values()]) }
}

function firstMisfit(request: PlacementRequest, candidate: Candidate): Misfit | undefined {
  for (const filter of filters) {
    const misfit = filter(request, candidate)
    if (misfit !== undefined) return misfit
  }
  return undefined
}

function weigh(request: PlacementRequest, candidate: Candidate): number {
  return weights.reduce((sum, [weight, factor]) => sum + factor * weight(request, candidate), 0)
}

/** `0 of 3 hosts fit: 2 have not enough memory, 1 is not ready`. */
function explain(total: number, misfits: readonly { misfit: Misfit; count: number }[]): string {
  if (total === 0) return 'No host is registered'
  const reasons = misfits
    .toSorted((a, b) => b.count - a.count || (a.misfit.one < b.misfit.one ? -1 : 1))
    .map(({ misfit, count }) => `${count} ${count === 1 ? misfit.one : misfit.many}`)
  return `0 of ${total} ${total === 1 ? 'host fits' : 'hosts fit'}: ${reasons.join(', ')}`
}
