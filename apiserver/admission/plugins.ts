import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { Authorizer } from '../authorization/authorizer.ts'
import { escalationCheck } from '../authorization/escalation.ts'
import type { NodeGraph } from '../authorization/node-graph.ts'
import { signerPermissions } from '../certificates/signer-permissions.ts'
import { nodeRestriction } from '../node-restriction/node-restriction.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import type { AdmissionPlugin } from './admission.ts'
import { configuredPlugins } from './configured-plugins.ts'

export interface AdmissionDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  readonly nodes: NodeGraph
  readonly authorizer: Authorizer
  readonly clock: Clock
  readonly log: Logger
  /** Ends what plugins follow. */
  readonly signal: AbortSignal
}

/** All plugins in the order in which they run; resolves when each knows what it has to. */
export async function admissionPlugins(deps: AdmissionDeps): Promise<AdmissionPlugin[]> {
  const { nodes, resources } = deps
  return [
    nodeRestriction({ graph: nodes, resources }),
    escalationCheck(deps),
    signerPermissions(deps),
    // Quotas come last: what they charge is going to be stored.
    ...(await configuredPlugins(deps)),
  ]
}
