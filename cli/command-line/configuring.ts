import type { Command } from 'commander'
import type { ConfigDeps, GetContextsOptions, ViewOptions } from '../commands/config.ts'
import type { ConnectOptions } from '../connect.ts'
import { UsageError } from '../usage-error.ts'
import { examples, noHeadersOption, outputOption, serverCommand, type Setting } from './setting.ts'

/** `kvorum config`: looks at the kubeconfig and changes which context is used. */
export function addConfiguring(program: Command, setting: Setting): void {
  const config = program.command('config').description('look at the kubeconfig and choose a context')
  const view = serverCommand(config, 'view')
    .description('print the kubeconfig, without its secrets')
    .addOption(outputOption('yaml, json, jsonpath=…'))
    .option('--raw', 'with certificates, keys and tokens')
    .option('--minify', 'only what the current context uses')
    .action(async (options: ViewOptions) => {
      const { viewConfig } = await import('../commands/config.ts')
      viewConfig(await depsOf(view, setting), options)
    })
  const list = serverCommand(config, 'get-contexts')
    .argument('[name...]', 'only these contexts')
    .description('print the contexts')
    .addOption(outputOption('name'))
    .addOption(noHeadersOption())
    .action(async (names: string[], options: GetContextsOptions) => {
      const { getContexts } = await import('../commands/config.ts')
      getContexts(await depsOf(list, setting), names, options)
    })
  const use = serverCommand(config, 'use-context')
    .alias('use')
    .argument('<name>', 'name of the context')
    .description('choose the context that commands work with')
    .action(async (name: string) => {
      const { useContext } = await import('../commands/config.ts')
      await useContext(await depsOf(use, setting), name)
    })
  const current = serverCommand(config, 'current-context')
    .description('print the name of the context in use')
    .action(async () => {
      const { currentContext } = await import('../commands/config.ts')
      currentContext(await depsOf(current, setting))
    })
  addSetContext(config, setting)
  examples(config, setting, [
    'kvorum config get-contexts',
    'kvorum config use-context production',
    'kvorum config set-context --current --namespace=lab',
  ])
}

function addSetContext(config: Command, setting: Setting): void {
  const command = serverCommand(config, 'set-context')
    .argument('[name]', 'name of the context')
    .description('choose the namespace of a context: --namespace')
    .option('--current', 'of the current context')
    .action(async (name: string | undefined, { current }: { current?: boolean }) => {
      const { namespace } = command.optsWithGlobals<ConnectOptions>()
      if (namespace === undefined) throw new UsageError('say which --namespace')
      if ((name === undefined) !== (current === true))
        throw new UsageError('say which context: NAME or --current')
      const { setContextNamespace } = await import('../commands/config.ts')
      await setContextNamespace(await depsOf(command, setting), name, namespace)
    })
}

async function depsOf(command: Command, { streams }: Setting): Promise<ConfigDeps> {
  const { readKubeconfig } = await import('../kubeconfig-file.ts')
  const { kubeconfigPath } = await import('../own-kubeconfig.ts')
  const { kubeconfig, context } = command.optsWithGlobals<ConnectOptions>()
  const found = await readKubeconfig(kubeconfigPath(kubeconfig, streams.env), streams.env)
  const merged = context === undefined ? found.merged : { ...found.merged, 'current-context': context }
  return { kubeconfig: { ...found, merged }, print: (text) => void streams.output.write(text) }
}
