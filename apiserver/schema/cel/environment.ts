import { Environment } from '@marcbachmann/cel-js'
import { registerKubernetes } from './library-kubernetes.ts'
import { registerLists } from './library-lists.ts'
import { registerMacros } from './library-macros.ts'
import { registerText } from './library-text.ts'

let library: Environment | undefined

/** A fresh environment with everything that Kubernetes' CEL knows and no variables. */
export function celEnvironment(): Environment {
  // Declaring the functions takes longer than compiling many rules, and they never change.
  library ??= declareLibrary()
  return library.clone()
}

function declareLibrary(): Environment {
  const environment = new Environment({
    enableOptionalTypes: true,
    // Only `format` needs mixed lists, and nothing is lost by allowing them elsewhere.
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: 10_000, maxDepth: 100 },
  })
  registerText(environment)
  registerLists(environment)
  registerKubernetes(environment)
  registerMacros(environment)
  return environment
}
