import { type Command, Option } from 'commander'
import type { ApplyOptions } from '../commands/apply.ts'
import type { WriteOptions } from '../commands/create.ts'
import type { DeleteOptions } from '../commands/delete.ts'
import type { DiffOptions } from '../commands/diff.ts'
import {
  addOptions,
  allNamespacesOption,
  allOption,
  collect,
  connected,
  dryRunOption,
  examples,
  fieldManagerOption,
  fieldSelectorOption,
  filenameOption,
  kustomizeOption,
  objectFormats,
  outputOption,
  recursiveOption,
  selectorOption,
  serverCommand,
  type Setting,
  showManagedFieldsOption,
  validateOption,
} from './setting.ts'

/** The commands that work on whole manifests. */
export function addWriting(program: Command, setting: Setting): void {
  addApply(program, setting)
  addDiff(program, setting)
  addReplace(program, setting)
  addDelete(program, setting)
}

/** Several files after one `-f`, as a shell's `*.yaml` gives them. */
const filenamesOption = () =>
  new Option('-f, --filename <path...>', 'files, directories, https: URLs, or - for standard input')

function addApply(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'apply').description(
    'make the objects of manifests so (server-side apply)',
  )
  addOptions(
    command,
    filenamesOption(),
    recursiveOption(),
    kustomizeOption(),
    selectorOption(),
    outputOption(objectFormats),
    dryRunOption(),
    validateOption(),
    fieldManagerOption('kvorum'),
    showManagedFieldsOption(),
  )
    .option('--force-conflicts', 'take over fields that somebody else manages')
    .option('--server-side', 'apply always works on the server: taken for the sake of scripts')
    .option('--prune', 'delete what was applied before and is not among the manifests any more')
    .option(
      '--applyset <parent>',
      'with --prune: the Secret, or TYPE/NAME, that remembers what belongs together',
    )
    .option('--all', 'with --prune: everything that this field manager has applied')
    .option('--prune-allowlist <kind>', 'with --prune: group/version/Kind to look at', collect)
    .action((options: ApplyOptions) => {
      const sources = withFiles(command, options)
      return connected(setting, command, async (context) =>
        (await import('../commands/apply.ts')).apply(context, sources),
      )
    })
  examples(command, setting, [
    'kvorum apply -f machines.yaml',
    'kvorum apply -f manifests -R --dry-run=server',
    'kvorum apply -k overlays/production',
    'kvorum apply -f site --prune --applyset=site      # what is no longer in site/ goes',
  ])
}

function addDiff(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'diff').description(
    'show what apply would change; exit code 1 for differences, above that for failures',
  )
  addOptions(
    command,
    filenamesOption(),
    recursiveOption(),
    kustomizeOption(),
    fieldManagerOption('kvorum'),
    showManagedFieldsOption(),
  )
    .option('--force-conflicts', 'as if fields that somebody else manages were taken over')
    .option('--server-side', 'diff always works on the server: taken for the sake of scripts')
    .action((options: DiffOptions) => {
      const sources = withFiles(command, options)
      return connected(setting, command, async (context) =>
        (await import('../commands/diff.ts')).diff(context, sources),
      )
    })
  examples(command, setting, [
    'kvorum diff -f machines.yaml',
    "KUBECTL_EXTERNAL_DIFF='colordiff -N -u' kvorum diff -f manifests",
  ])
}

function addReplace(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'replace').description('make objects exactly what manifests say')
  addOptions(
    command,
    filenamesOption(),
    recursiveOption(),
    kustomizeOption(),
    outputOption(objectFormats),
    dryRunOption(),
    validateOption(),
    fieldManagerOption('kvorum-replace'),
  )
    .option('--subresource <name>', 'status or scale')
    .action((options: WriteOptions) => {
      const sources = withFiles(command, options)
      return connected(setting, command, async (context) =>
        (await import('../commands/create.ts')).replace(context, sources),
      )
    })
  examples(command, setting, ['kvorum replace -f machine.yaml'])
}

function addDelete(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'delete')
    .argument('[target...]', 'TYPE NAME … or TYPE/NAME …')
    .description('delete objects and wait until they are gone')
  addOptions(
    command,
    filenameOption(),
    recursiveOption(),
    kustomizeOption(),
    selectorOption(),
    fieldSelectorOption(),
    allNamespacesOption(),
    allOption(),
    dryRunOption(),
    outputOption('name'),
  )
    .option('--ignore-not-found', 'what is gone already is no error')
    .option('--wait', 'until the objects are gone (default)')
    .option('--no-wait', 'return as soon as the deletion is accepted')
    .option('--timeout <duration>', 'how long to wait; 0 as long as it takes', '0')
    .option('--cascade <how>', 'what becomes of dependents: background, foreground or orphan', 'background')
    .option('--grace-period <seconds>', 'time to shut down; -1 leaves it to the object', '-1')
    .action((target: string[], options: DeleteOptions) => {
      needTargets(command, target, options)
      return connected(setting, command, async (context) => {
        const { deleteObjects } = await import('../commands/delete.ts')
        await deleteObjects(context, target, { ...options, wait: options.wait !== false })
      })
    })
  examples(command, setting, [
    'kvorum delete vm web',
    'kvorum delete vm,disk -l site=lab',
    'kvorum delete -f machines.yaml --ignore-not-found',
    'kvorum delete vm --all --no-wait',
  ])
}

type Files = { readonly filename?: readonly string[]; readonly kustomize?: string }

/** Commands that only work on manifests need to be told where they are. */
export function withFiles<T extends Files>(command: Command, options: T): T {
  if (options.filename === undefined && options.kustomize === undefined)
    command.error('error: must specify one of -f and -k', { exitCode: 1 })
  return options
}

function needTargets(command: Command, target: readonly string[], options: Files): void {
  if (target.length === 0 && options.filename === undefined && options.kustomize === undefined) {
    command.error('error: You must provide one or more resources by argument or filename.', { exitCode: 1 })
  }
}
