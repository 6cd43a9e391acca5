import type { AdmissionPlugin, AdmissionRequest } from '../admission/admission.ts'
import type { NodeGraph } from '../authorization/node-graph.ts'
import { nodeNameOf, recoveringNodeOf } from '../authorization/node-identity.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import { checkEvent } from './check-event.ts'
import { checkHost } from './check-host.ts'
import { checkPlaced } from './check-placed.ts'
import { checkSigningRequest } from './check-signing-request.ts'
import { refusal } from './refusal.ts'

export interface NodeRestrictionDeps {
  readonly graph: NodeGraph
  readonly resources: ResourceMap
}

/** A write of a daemon. */
export interface NodeWrite {
  /** The host that the daemon is of. */
  readonly host: string
  readonly request: AdmissionRequest
}

/**
 * What a daemon may write into the objects that the authorizer lets it get at: the state of what is on its host, not
 * what others have decided about it.
 */
export function nodeRestriction(deps: NodeRestrictionDeps): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    handles: ({ user }) => user !== undefined && (nodeNameOf(user) ?? recoveringNodeOf(user)) !== undefined,
    // Before anything of the object is judged: a daemon does not learn what would have been valid.
    async mutate(request) {
      const { user } = request
      const host = user && (nodeNameOf(user) ?? recoveringNodeOf(user))
      if (host !== undefined) await check({ host, request }, deps)
      return request.object
    },
  }
}

async function check(write: NodeWrite, { graph, resources }: NodeRestrictionDeps): Promise<void> {
  const { group, plural } = write.request.definition
  switch (`${group}/${plural}`) {
    case 'kvorum.dev/hosts':
      return checkHost(write)
    case 'kvorum.dev/virtualmachineinstances':
    case 'kvorum.dev/disks':
    case 'kvorum.dev/images':
      return await checkPlaced(write, graph)
    case 'coordination.k8s.io/leases':
      return checkLease(write)
    case '/events':
    case 'events.k8s.io/events':
      return await checkEvent(write, { graph, resources })
    case 'certificates.k8s.io/certificatesigningrequests':
      return checkSigningRequest(write)
  }
}

function checkLease({ host, request }: NodeWrite): void {
  const name = request.object?.metadata.name ?? request.name
  if (name !== host) throw refusal(request, `host ${host} may only write the lease of its own name`)
}
