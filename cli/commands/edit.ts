import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasReason } from '../../apimachinery/status-error.ts'
import { isJsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { apiVersionOf, pathOf } from '../discovery.ts'
import { explainError } from '../explain-error.ts'
import { mergePatchBetween } from '../merge-patch-between.ts'
import { identityOf, withoutManagedFields } from '../object-metadata.ts'
import { formatYaml } from '../printers/yaml.ts'
import { type ResultOptions, resultPrinter } from '../printers/result.ts'
import { type Manifest, parseManifests } from '../read-manifests.ts'
import { type Found, selectObjects, type SelectionOptions } from '../selection.ts'
import { ExitError, UsageError } from '../usage-error.ts'
import { fieldValidationOf } from './apply.ts'

export interface EditOptions extends SelectionOptions, ResultOptions {
  readonly validate?: string | boolean
  readonly fieldManager?: string
  readonly subresource?: string
}

/** Lets a person change a file; resolves when the editor is closed. Throws when it cannot be run. */
export type Editor = (file: string) => Promise<void>

const introduction = [
  'Please edit the object below. Lines beginning with a "#" will be ignored,',
  'and an empty file will abort the edit. If an error occurs while saving this file will be',
  'reopened with the relevant failures.',
]

/**
 * `kvorum edit`: opens objects in an editor and stores what was changed. A refused change opens the editor again with
 * the reason; whoever leaves it then without another change finds the work in a file.
 */
export async function edit(
  context: CommandContext,
  args: readonly string[],
  options: EditOptions & { readonly editor: Editor },
): Promise<void> {
  const originals = (await selectObjects(context, args, options)).map((found) => ({
    ...found,
    object: withoutManagedFields(found.object),
  }))
  if (originals.length === 0) throw new UsageError('edit cancelled, no objects found')
  const directory = await mkdtemp(join(tmpdir(), 'kvorum-edit-'))
  const file = join(directory, 'objects.yaml')
  try {
    await editUntilStored(context, originals, { ...options, file })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

type Editing = EditOptions & { readonly editor: Editor; readonly file: string }

async function editUntilStored(
  context: CommandContext,
  originals: readonly Found[],
  options: Editing,
): Promise<void> {
  let content = bodyOf(originals)
  let problem: string | undefined
  for (;;) {
    const edited = await openEditor(options, content, problem)
    if (edited.trim() === '') return context.error('Edit cancelled, saved file was empty.')
    if (edited === content) {
      if (problem === undefined) return context.error('Edit cancelled, no changes made.')
      return keepWork(context, edited, problem)
    }
    content = edited
    try {
      if (!(await store(context, originals, edited, options)))
        context.error('Edit cancelled, no changes made.')
      return
    } catch (error) {
      problem = problemOf(error, context)
    }
  }
}

function bodyOf(originals: readonly Found[]): string {
  const [first] = originals
  if (originals.length === 1 && first !== undefined) return formatYaml(first.object)
  return formatYaml({ apiVersion: 'v1', kind: 'List', items: originals.map(({ object }) => object) })
}

/** What the editor leaves, without the comments. */
async function openEditor({ editor, file }: Editing, content: string, problem: string | undefined) {
  const lines = [...introduction, '', ...(problem === undefined ? [] : [...problem.split('\n'), ''])]
  await writeFile(file, lines.map((line) => `# ${line}`.trimEnd()).join('\n') + `\n${content}`, {
    mode: 0o600,
  })
  await editor(file)
  return (await readFile(file, 'utf8')).replaceAll(/^#.*\n/gm, '')
}

/** Only what the person at the editor can put right opens it again. */
function problemOf(error: unknown, context: CommandContext): string {
  const theirs =
    error instanceof UsageError ||
    hasReason(error, 'Invalid', 'BadRequest', 'Conflict', 'Forbidden', 'NotFound')
  if (!theirs) throw error
  return explainError(error, context.server)
}

async function keepWork(context: CommandContext, content: string, problem: string): Promise<never> {
  const kept = join(await mkdtemp(join(tmpdir(), 'kvorum-edit-')), 'objects.yaml')
  await writeFile(kept, content, { mode: 0o600 })
  context.error(problem)
  context.error(`A copy of your changes has been stored to "${kept}"`)
  context.error('error: Edit cancelled, no valid changes were saved.')
  throw new ExitError(1)
}

/** False when nothing was to be stored. */
async function store(
  context: CommandContext,
  originals: readonly Found[],
  edited: string,
  options: Editing,
): Promise<boolean> {
  const manifests = parseManifests(edited, 'your file')
  if (manifests.length !== originals.length)
    throw new UsageError('objects can be neither added nor removed: use create and delete')
  const tell = resultPrinter(context, options)
  let stored = 0
  for (const [at, original] of originals.entries()) {
    const manifest = manifests[at]
    if (manifest === undefined) continue
    checkIdentity(manifest, original)
    const patch = mergePatchBetween(original.object, manifest.object)
    if (patch === undefined) continue
    stored += 1
    const object = await context.api.json({
      method: 'PATCH',
      path: pathOf(original.resource, { ...original, subresource: options.subresource }),
      query: {
        fieldManager: options.fieldManager ?? 'kvorum-edit',
        fieldValidation: fieldValidationOf(options.validate),
      },
      contentType: 'application/merge-patch+json',
      body: patch,
    })
    tell(original, isJsonObject(object) ? object : original.object, 'edited')
  }
  return stored > 0
}

function checkIdentity({ object }: Manifest, original: Found): void {
  const { name, namespace } = identityOf(object)
  const same =
    object.kind === original.resource.kind &&
    object.apiVersion === apiVersionOf(original.resource) &&
    name === original.name &&
    namespace === identityOf(original.object).namespace
  if (!same) throw new UsageError('apiVersion, kind, name and namespace of an object cannot be changed')
}

/** The program of `KUBE_EDITOR` or `EDITOR`, else vi, on this terminal. */
export function terminalEditor(env: CommandContext['env'], signal: AbortSignal): Editor {
  const [program = 'vi', ...args] = (env['KUBE_EDITOR'] || env['EDITOR'] || 'vi').split(/\s+/).filter(Boolean)
  return (file) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, [...args, file], { stdio: 'inherit', signal, env: { ...env } })
      child.once('error', (error) =>
        reject(new Error(`there was a problem with the editor "${program}": ${error.message}`)),
      )
      child.once('close', (code) => {
        if (code === 0) resolve()
        else
          reject(
            new Error(
              `there was a problem with the editor "${program}": it ended with ${code ?? 'a signal'}`,
            ),
          )
      })
    })
}
