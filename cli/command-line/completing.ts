import { type Command, Option } from 'commander'
import { examples, type Setting } from './setting.ts'

/** `kvorum completion`, and the hidden command that the shells' scripts ask. */
export function addCompletion(program: Command, setting: Setting): void {
  const completion = program
    .command('completion')
    .description('print a script that completes this command in a shell')
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    completion
      .command(shell)
      .description(`for ${shell}`)
      .action(async () => {
        const { completionScript } = await import('../completion/scripts.ts')
        setting.streams.output.write(completionScript(shell))
      })
  }
  examples(completion, setting, [
    'source <(kvorum completion bash)',
    'kvorum completion zsh > "${fpath[1]}/_kvorum"',
    'kvorum completion fish > ~/.config/fish/completions/kvorum.fish',
  ])
  program
    .command('__complete', { hidden: true })
    .argument('[words...]', 'what was typed; the last word is the one to complete')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .addOption(new Option('--no-descriptions').hideHelp())
    .action(async (words: string[]) => {
      const { complete } = await import('../completion/complete.ts')
      setting.streams.output.write(await complete(program, words, setting))
    })
}
