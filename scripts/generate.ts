import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kinds } from '../crds/kinds.ts'
import { toCrdYaml } from '../crds/meta/to-crd.ts'
import { toDocsPage } from '../crds/meta/to-docs.ts'

const root = join(import.meta.dirname, '..')

/** Writes everything that derives from the schemas: CRDs and one docs page per kind. */
for (const kind of kinds) {
  await writeFile(join(root, 'crds', `${kind.plural}.${kind.group}.yaml`), toCrdYaml(kind))
  const sample = await readFile(join(root, 'manifests', 'samples', `${kind.singular}.yaml`), 'utf8')
  await mkdir(join(root, 'docs', 'kinds'), { recursive: true })
  await writeFile(join(root, 'docs', 'kinds', `${kind.singular}.md`), toDocsPage(kind, sample))
}
