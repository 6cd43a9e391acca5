import { isJsonObject, type JsonObject } from '../../../crds/meta/json.ts'
import { forbiddenField, invalidField, requiredField, unsupportedField } from '../../schema/field-error.ts'
import { validateClientConfig } from '../../webhook/validate-client-config.ts'
import type { FieldError } from '../field-errors.ts'
import { at, stringsAt, textAt } from '../kube-object.ts'
import { dnsLabel1035 } from '../names.ts'
import { reviewVersions } from './conversion-review.ts'

// Kubernetes shows the stanza in the form that it had before it was nested.
const path = 'spec.conversion'

/** What is wrong with `spec.conversion`. A bundle that cannot be read is forgiven while `anyBundle` is set. */
export function conversionErrors(spec: JsonObject, { anyBundle }: { anyBundle: boolean }): FieldError[] {
  const { conversion } = spec
  if (!isJsonObject(conversion)) return []
  const strategy = textAt(conversion, 'strategy')
  if (strategy === '') return [requiredField(`${path}.strategy`)]
  if (strategy === 'Webhook') return webhookErrors(conversion, anyBundle)
  return [
    ...(strategy === 'None' ? [] : [unsupportedField(`${path}.strategy`, strategy, ['None', 'Webhook'])]),
    ...(at(conversion, 'webhook', 'clientConfig') === undefined
      ? []
      : [forbiddenField(`${path}.webhookClientConfig`, onlyForWebhook)]),
    ...(stringsAt(conversion, 'webhook', 'conversionReviewVersions').length === 0
      ? []
      : [forbiddenField(`${path}.conversionReviewVersions`, onlyForWebhook)]),
  ]
}

const onlyForWebhook = 'should not be set when strategy is not set to Webhook'

function webhookErrors(conversion: JsonObject, anyBundle: boolean): FieldError[] {
  const config = at(conversion, 'webhook', 'clientConfig')
  const field = `${path}.webhookClientConfig`
  return [
    ...(isJsonObject(config)
      ? validateClientConfig(field, anyBundle ? withoutBundle(config) : config)
      : [requiredField(field, 'required when strategy is set to Webhook')]),
    ...reviewVersionErrors(stringsAt(conversion, 'webhook', 'conversionReviewVersions')),
  ]
}

/** True when a bundle that cannot be read may stay: it was there before, or the kind is not served yet. */
export function hasBadBundle(spec: JsonObject): boolean {
  const config = at(spec, 'conversion', 'webhook', 'clientConfig')
  if (!isJsonObject(config) || textAt(config, 'caBundle') === '') return false
  return validateClientConfig('', config).some(({ field }) => field === '.caBundle')
}

function withoutBundle(config: JsonObject): JsonObject {
  const { caBundle: _, ...rest } = config
  return rest
}

function reviewVersionErrors(versions: readonly string[]): FieldError[] {
  const field = `${path}.conversionReviewVersions`
  if (versions.length === 0) return [requiredField(field)]
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const [index, version] of versions.entries()) {
    if (seen.has(version)) errors.push(invalidField(`${field}[${index}]`, version, 'duplicate version'))
    else errors.push(...dnsLabel1035(version).map((why) => invalidField(`${field}[${index}]`, version, why)))
    seen.add(version)
  }
  if (!reviewVersions.some((version) => seen.has(version))) {
    const why = `must include at least one of ${reviewVersions.join(', ')}`
    errors.push(invalidField(field, [...versions], why))
  }
  return errors
}
