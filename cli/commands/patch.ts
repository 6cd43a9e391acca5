import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { applyMergePatch } from '../../apimachinery/patch/merge-patch.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf, type ServedResource } from '../discovery.ts'
import { kubernetesYaml } from '../kubernetes-yaml.ts'
import { identityOf } from '../object-metadata.ts'
import { dryRunOf, type ResultOptions, resultPrinter } from '../printers/result.ts'
import { type Named, readObject, requireNames, select, type SelectionOptions } from '../selection.ts'
import { throwAll, UsageError } from '../usage-error.ts'
import { dryRunQuery } from './apply.ts'

export interface PatchOptions extends SelectionOptions, ResultOptions {
  readonly patch?: string
  readonly patchFile?: string
  readonly type?: string
  readonly subresource?: string
  readonly fieldManager?: string
  /** With type `apply`. */
  readonly forceConflicts?: boolean
}

const types: Readonly<Record<string, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

/** `kvorum patch`: changes some fields of objects. */
export async function patch(
  context: CommandContext,
  args: readonly string[],
  options: PatchOptions,
): Promise<void> {
  const body = await readPatch(options)
  const wanted = await select(context, args, options)
  requireNames(wanted, {})
  const tell = resultPrinter(context, options)
  const errors: unknown[] = []
  for (const one of wanted) {
    const { name } = one
    if (name === undefined) continue
    try {
      const { before, after } = await patchOne(context, { ...one, name }, { ...options, body })
      const same = identityOf(before).resourceVersion === identityOf(after).resourceVersion
      tell(one, after, same && dryRunOf(options) !== 'client' ? 'patched (no change)' : 'patched')
    } catch (error) {
      errors.push(error)
    }
  }
  throwAll(errors)
}

async function readPatch({ patch: inline, patchFile }: PatchOptions): Promise<Json> {
  if ((inline === undefined) === (patchFile === undefined))
    throw new UsageError('must specify --patch or --patch-file containing the contents of the patch')
  const text =
    inline ??
    (await readFile(patchFile ?? '', 'utf8').catch(() => {
      throw new UsageError(`unable to read patch file: ${patchFile ?? ''}`)
    }))
  try {
    const value = parse(text, { ...kubernetesYaml, maxAliasCount: 100 }) as Json
    if (typeof value === 'object' && value !== null) return value
  } catch (error) {
    throw new UsageError(`unable to parse the patch: ${error instanceof Error ? error.message : 'not YAML'}`)
  }
  throw new UsageError('unable to parse the patch: it is neither an object nor a list')
}

async function patchOne(
  context: CommandContext,
  target: Named,
  options: PatchOptions & { readonly body: Json },
): Promise<{ before: JsonObject; after: JsonObject }> {
  const { subresource, body, type } = options
  const place = { ...target, subresource }
  const isApply = type === 'apply'
  const before: JsonObject = isApply ? {} : await readObject(context, place)
  const dryRun = dryRunOf(options)
  if (dryRun === 'client') {
    if (type !== 'merge')
      throw new UsageError('--dry-run=client patches with --type=merge only: use --dry-run=server')
    const after = applyMergePatch(before, body)
    return { before, after: isJsonObject(after) ? after : before }
  }
  const after = await context.api.json({
    method: 'PATCH',
    path: pathOf(target.resource, place),
    query: {
      fieldManager: options.fieldManager ?? (isApply ? 'kvorum' : 'kvorum-patch'),
      force: isApply && options.forceConflicts === true ? 'true' : undefined,
      dryRun: dryRunQuery(dryRun),
    },
    contentType: contentTypeOf(type, target.resource),
    body: body as object,
  })
  return { before, after: isJsonObject(after) ? after : before }
}

function contentTypeOf(type: string | undefined, { group }: ServedResource): string {
  // Strategic patches exist for built-in kinds only; a merge patch is what people mean for the others.
  const isBuiltIn = !group.includes('.') || group.endsWith('.k8s.io')
  const wanted = type ?? (isBuiltIn ? 'strategic' : 'merge')
  const contentType = Object.hasOwn(types, wanted) ? types[wanted] : undefined
  if (contentType === undefined)
    throw new UsageError(`--type must be one of ${Object.keys(types).join(', ')}, not "${wanted}"`)
  return contentType
}
