import type { ResourceDefinition } from '../registry/resource-definition.ts'
import {
  mutatingWebhookConfigurations,
  validatingWebhookConfigurations,
} from '../registry/builtin/admission-webhooks.ts'
import { namespaces } from '../registry/builtin/namespaces.ts'
import { WebhookClients } from '../webhook/webhook-clients.ts'
import type { AdmissionPlugin } from './admission.ts'
import { Configurations } from './configurations.ts'
import { EquivalentResources } from './matching/equivalents.ts'
import { NamespaceReader } from './matching/namespaces.ts'
import type { AdmissionDeps } from './plugins.ts'
import { compileWebhooks } from './webhooks/compiled-webhook.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { MutatingWebhooks } from './webhooks/mutating-webhooks.ts'
import { ValidatingWebhooks } from './webhooks/validating-webhooks.ts'

/** What users configure with objects: policies, webhooks and quotas, in Kubernetes' order. */
export async function configuredPlugins(deps: AdmissionDeps): Promise<AdmissionPlugin[]> {
  const { objects, resources, clock, signal } = deps
  const clients = new WebhookClients(clock)
  signal.addEventListener('abort', () => clients.close(), { once: true })
  const webhooks = {
    ...deps,
    clients,
    equivalents: new EquivalentResources(resources),
    namespaces: new NamespaceReader(objects, namespaces),
  }
  return [
    new MutatingWebhooks(
      webhooks,
      await configurations(deps, mutatingWebhookConfigurations, compileWebhooks),
    ),
    new ValidatingWebhooks(
      webhooks,
      await configurations(deps, validatingWebhookConfigurations, compileWebhooks),
    ),
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
