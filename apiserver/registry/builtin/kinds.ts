import { customResourceDefinitions } from '../crd/crd-kind.ts'
import type { ResourceDefinition } from '../resource-definition.ts'
import { policyKinds } from './admission-policies.ts'
import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from './admission-webhooks.ts'
import { certificateSigningRequests } from './certificates.ts'
import { configMaps, secrets } from './config.ts'
import { leases, resourceQuotas } from './coordination.ts'
import { coreEvents, groupEvents } from './events.ts'
import { clusterRoleBindings, clusterRoles, roleBindings, roles, serviceAccounts } from './identity.ts'
import { namespaces } from './namespaces.ts'

/** The kinds that are served without a CRD. */
export const builtInKinds: readonly ResourceDefinition[] = [
  namespaces,
  configMaps,
  secrets,
  serviceAccounts,
  coreEvents,
  groupEvents,
  resourceQuotas,
  leases,
  customResourceDefinitions,
  roles,
  roleBindings,
  clusterRoles,
  clusterRoleBindings,
  certificateSigningRequests,
  mutatingWebhookConfigurations,
  validatingWebhookConfigurations,
  ...policyKinds,
]
