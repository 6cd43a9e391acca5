import { type Command, Option } from 'commander'
import type { EditOptions } from '../commands/edit.ts'
import type { MetadataOptions } from '../commands/metadata-change.ts'
import type { PatchOptions } from '../commands/patch.ts'
import type { ScaleOptions } from '../commands/scale.ts'
import {
  addOptions,
  allNamespacesOption,
  allOption,
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
  validateOption,
} from './setting.ts'

/** The commands that change parts of objects. */
export function addChanging(program: Command, setting: Setting): void {
  addPatch(program, setting)
  addEdit(program, setting)
  addMetadata(program, setting, 'label')
  addMetadata(program, setting, 'annotate')
  addScale(program, setting)
}

const common = () => [filenameOption(), recursiveOption(), kustomizeOption(), outputOption(objectFormats)]

function addPatch(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'patch')
    .argument('[target...]', 'TYPE NAME or TYPE/NAME')
    .description('change some fields of an object')
  addOptions(command, ...common(), dryRunOption(), fieldManagerOption('kvorum-patch'))
    .option('-p, --patch <patch>', 'the patch as JSON or YAML')
    .option('--patch-file <file>', 'a file with the patch')
    .addOption(
      new Option('--type <type>', 'default: merge, and strategic for built-in kinds').choices([
        'json',
        'merge',
        'strategic',
        'apply',
      ]),
    )
    .option('--subresource <name>', 'status or scale')
    .option('--force-conflicts', 'with --type=apply: take over fields that somebody else manages')
    .action((target: string[], options: PatchOptions) =>
      connected(setting, command, async (context) =>
        (await import('../commands/patch.ts')).patch(context, target, options),
      ),
    )
  examples(command, setting, [
    `kvorum patch vm web -p '{"spec":{"power":"Stopped"}}'`,
    `kvorum patch vm web --type=json -p '[{"op":"replace","path":"/spec/memory/size","value":"4Gi"}]'`,
    'kvorum patch vm web --patch-file=power-off.yaml',
  ])
}

function addEdit(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'edit')
    .argument('[target...]', 'TYPE NAME … or TYPE/NAME …')
    .description('change objects in the editor of KUBE_EDITOR or EDITOR')
  addOptions(command, ...common(), validateOption(), fieldManagerOption('kvorum-edit'))
    .option('--subresource <name>', 'status')
    .action((target: string[], options: EditOptions) =>
      connected(setting, command, async (context) => {
        const { edit, terminalEditor } = await import('../commands/edit.ts')
        const editor = terminalEditor(setting.streams.env, setting.signal)
        await edit(context, target, { ...options, editor })
      }),
    )
  examples(command, setting, ['kvorum edit vm web', "KUBE_EDITOR='code --wait' kvorum edit vm/web disk/data"])
}

function addMetadata(program: Command, setting: Setting, name: 'label' | 'annotate'): void {
  const noun = name === 'label' ? 'label' : 'annotation'
  const command = serverCommand(program, name)
    .argument('[target...]', `TYPE NAME … KEY=VALUE … KEY- …`)
    .description(`set and remove ${noun}s`)
  addOptions(
    command,
    ...common(),
    selectorOption(),
    fieldSelectorOption(),
    allNamespacesOption(),
    allOption(),
    dryRunOption(),
    fieldManagerOption(`kvorum-${name}`),
  )
    .option('--overwrite', `change ${noun}s that are there already`)
    .option('--list', `print the ${noun}s`)
    .option('--resource-version <version>', 'only if the object still has this version')
    .action((target: string[], options: MetadataOptions) =>
      connected(setting, command, async (context) =>
        (await import('../commands/metadata-change.ts'))[name](context, target, options),
      ),
    )
  examples(command, setting, [
    `kvorum ${name} vm web tier=front`,
    `kvorum ${name} vm web tier=back --overwrite`,
    `kvorum ${name} vm --all tier-          # removes it`,
  ])
}

function addScale(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'scale')
    .argument('[target...]', 'TYPE NAME … or TYPE/NAME …')
    .description('set how many of something there shall be')
  addOptions(command, ...common(), selectorOption(), allOption(), dryRunOption())
    .requiredOption('--replicas <count>', 'how many there shall be')
    .option('--current-replicas <count>', 'only when there are this many now')
    .option('--resource-version <version>', 'only if the object still has this version')
    .action((target: string[], options: ScaleOptions) =>
      connected(setting, command, async (context) =>
        (await import('../commands/scale.ts')).scale(context, target, options),
      ),
    )
  examples(command, setting, ['kvorum scale vmpool/web --replicas=3'])
}
