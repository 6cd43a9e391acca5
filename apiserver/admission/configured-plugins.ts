import type { ResourceDefinition } from '../registry/resource-definition.ts'
import {
  mutatingWebhookConfigurations,
  validatingWebhookConfigurations,
} from '../registry/builtin/admission-webhooks.ts'
import {
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from '../registry/builtin/admission-policies.ts'
import { resourceQuotas } from '../registry/builtin/coordination.ts'
import { namespaces } from '../registry/builtin/namespaces.ts'
import { WebhookClients } from '../webhook/webhook-clients.ts'
import type { AdmissionPlugin } from './admission.ts'
import { Configurations } from './configurations.ts'
import { EquivalentResources } from './matching/equivalents.ts'
import { NamespaceReader } from './matching/namespaces.ts'
import type { AdmissionDeps } from './plugins.ts'
import { compileBinding } from './policies/compiled-policy.ts'
import { compileMutatingPolicy, MutatingPolicies } from './policies/mutating-policies.ts'
import { ParamReader } from './policies/params.ts'
import { startTypeChecking } from './policies/type-checking.ts'
import { compileValidatingPolicy, ValidatingPolicies } from './policies/validating-policies.ts'
import { QuotaAccounts } from './quota/quota-accounts.ts'
import { QuotaController } from './quota/quota-controller.ts'
import { ResourceQuota } from './quota/resource-quota.ts'
import { compileWebhooks } from './webhooks/compiled-webhook.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { MutatingWebhooks } from './webhooks/mutating-webhooks.ts'
import { ValidatingWebhooks } from './webhooks/validating-webhooks.ts'

/** What users configure with objects: policies, webhooks and quotas, in Kubernetes' order. */
export async function configuredPlugins(deps: AdmissionDeps): Promise<AdmissionPlugin[]> {
  const { objects, resources, clock, signal } = deps
  const clients = new WebhookClients(clock)
  signal.addEventListener('abort', () => clients.close(), { once: true })
  const matching = {
    ...deps,
    equivalents: new EquivalentResources(resources),
    namespaces: new NamespaceReader(objects, namespaces),
    params: new ParamReader(objects, resources),
  }
  const webhooks = { ...matching, clients }
  const mutations = {
    policies: await configurations(deps, mutatingAdmissionPolicies, compileMutatingPolicy),
    bindings: await configurations(deps, mutatingAdmissionPolicyBindings, compileBinding),
  }
  const validations = {
    policies: await configurations(deps, validatingAdmissionPolicies, compileValidatingPolicy),
    bindings: await configurations(deps, validatingAdmissionPolicyBindings, compileBinding),
  }
  await startTypeChecking({ ...deps, definition: validatingAdmissionPolicies })
  const quotas = new QuotaController({ ...deps, definition: resourceQuotas })
  await quotas.start()
  const accounts = new QuotaAccounts({ ...deps, definition: resourceQuotas })
  return [
    new MutatingPolicies(matching, mutations),
    new MutatingWebhooks(
      webhooks,
      await configurations(deps, mutatingWebhookConfigurations, compileWebhooks),
    ),
    new ValidatingPolicies(matching, validations),
    new ValidatingWebhooks(
      webhooks,
      await configurations(deps, validatingWebhookConfigurations, compileWebhooks),
    ),
    new ResourceQuota(accounts, (namespace) => quotas.hasQuotas(namespace)),
  ]
}

async function configurations<T>(
  deps: AdmissionDeps,
  definition: ResourceDefinition,
  compile: (object: KubeObject) => T,
): Promise<Configurations<T>> {
  const followed = new Configurations({ ...deps, definition, compile })
  await followed.start()
  return followed
}
