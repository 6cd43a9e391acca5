import type { Command } from 'commander'
import type { ApiResourcesOptions } from '../commands/api-resources.ts'
import type { CanIOptions } from '../commands/auth.ts'
import type { ExplainOptions } from '../commands/explain.ts'
import type { VersionOptions } from '../commands/version.ts'
import {
  addOptions,
  allNamespacesOption,
  connected,
  examples,
  noHeadersOption,
  outputOption,
  serverCommand,
  type Setting,
} from './setting.ts'

/** The commands that ask what a server offers and allows. */
export function addInspecting(program: Command, setting: Setting): void {
  addExplain(program, setting)
  addApiResources(program, setting)
  addAuth(program, setting)
  addVersion(program, setting)
}

function addExplain(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'explain')
    .argument('<field>', 'TYPE or TYPE.FIELD.FIELD')
    .description('say what a kind and its fields are for')
    .option('--recursive', 'all fields below, without their descriptions')
    .option('--api-version <group/version>', 'another version than the preferred one')
    .action((field: string, options: ExplainOptions) =>
      connected(setting, command, async (context) =>
        (await import('../commands/explain.ts')).explain(context, field, options),
      ),
    )
  examples(command, setting, ['kvorum explain vm', 'kvorum explain vm.spec.disks --recursive'])
}

function addApiResources(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'api-resources').description('print what the server serves')
  addOptions(command, outputOption('wide, name, yaml or json'), noHeadersOption())
    .option('--namespaced <bool>', 'true: only what is in namespaces; false: only what is not')
    .option('--verbs <verbs>', 'only what has all of these verbs')
    .option('--api-group <group>', 'only of this group')
    .option('--categories <categories>', 'only what is in all of these categories')
    .option('--sort-by <field>', 'name or kind')
    .action((options: ApiResourcesOptions) =>
      connected(setting, command, async (context) =>
        (await import('../commands/api-resources.ts')).apiResources(context, options),
      ),
    )
  examples(command, setting, ['kvorum api-resources --api-group=kvorum.dev', 'kvorum api-resources -o wide'])
  const versions = serverCommand(program, 'api-versions')
    .description('print the groups and versions that the server serves')
    .action(() =>
      connected(setting, versions, async (context) =>
        (await import('../commands/api-resources.ts')).apiVersions(context),
      ),
    )
}

function addAuth(program: Command, setting: Setting): void {
  const auth = program.command('auth').description('ask who one is and what one may do')
  const canI = serverCommand(auth, 'can-i')
    .argument('[words...]', 'VERB TYPE, VERB TYPE/NAME or VERB /PATH')
    .description('print whether an action is allowed; exit code 1 for no')
  addOptions(canI, allNamespacesOption(), noHeadersOption())
    .option('--list', 'all that is allowed in the namespace')
    .option('-q, --quiet', 'tell by the exit code alone')
    .option('--subresource <name>', 'such as console or status')
    .action((words: string[], options: CanIOptions) =>
      connected(setting, canI, async (context) =>
        (await import('../commands/auth.ts')).canI(context, words, options),
      ),
    )
  examples(canI, setting, [
    'kvorum auth can-i create vm',
    'kvorum auth can-i get vmi/web --subresource=console --as=eve',
    'kvorum auth can-i --list -n lab',
  ])
  const whoAmI = serverCommand(auth, 'whoami')
    .description('print who the server takes the caller for')
    .option('-o, --output <format>', 'yaml, json, jsonpath=…')
    .action((options: { output?: string }) =>
      connected(setting, whoAmI, async (context) =>
        (await import('../commands/auth.ts')).whoAmI(context, options),
      ),
    )
}

function addVersion(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'version')
    .description('print the versions of this program and of the server')
    .option('--client', 'of this program only')
    .option('-o, --output <format>', 'yaml or json')
    .action(async (options: VersionOptions) => {
      const { version } = await import('../commands/version.ts')
      const print = (text: string) => void setting.streams.output.write(text)
      if (options.client === true) return version(undefined, print, options)
      await connected(setting, command, (context) => version(context, print, options))
    })
  const info = serverCommand(program, 'cluster-info')
    .description('print where the server is, if it is ready')
    .action(() =>
      connected(setting, info, async (context) =>
        (await import('../commands/version.ts')).clusterInfo(context),
      ),
    )
}
