import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { isJsonObject, type JsonObject } from '../../../crds/meta/json.ts'
import type { ResourceDefinition } from '../resource-definition.ts'
import {
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from '../builtin/admission-policies.ts'
import { customResourceDefinitions } from './crd-kind.ts'

const installed = [customResourceDefinitions, validatingAdmissionPolicies, validatingAdmissionPolicyBindings]

/**
 * Applies every CRD in the YAML files of a directory, and the policies that belong to them. Throws, naming the file, for
 * anything else in them.
 */
export async function installCrds(
  directory: string,
  api: { apply(definition: ResourceDefinition, object: JsonObject): Promise<void> },
): Promise<void> {
  const files = (await readdir(directory)).filter((name) => /\.ya?ml$/.test(name)).toSorted()
  for (const file of files) {
    for (const document of parseAllDocuments(await readFile(join(directory, file), 'utf8'))) {
      const object: unknown = document.toJS()
      if (object === null) continue
      const definition = isJsonObject(object) && installed.find(({ kind }) => kind === object['kind'])
      if (!isJsonObject(object) || !definition) {
        throw new Error(
          `${join(directory, file)} holds something that is neither a CustomResourceDefinition nor a ValidatingAdmissionPolicy with its binding`,
        )
      }
      await api.apply(definition, object)
    }
  }
}
