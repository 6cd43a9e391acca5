import { apiServices } from '../../aggregation/api-services.ts'
import { flowSchemas } from '../../fairness/flow-schemas.ts'
import { priorityLevels } from '../../fairness/priority-levels.ts'
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
import { services } from './services.ts'

/** The kinds that are served without a CRD. */
export const builtInKinds: readonly ResourceDefinition[] = [
  namespaces,
  configMaps,
  secrets,
  serviceAccounts,
  services,
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
  flowSchemas,
  priorityLevels,
  apiServices,
  mutatingWebhookConfigurations,
  validatingWebhookConfigurations,
  ...policyKinds,
]
