import type { Command } from 'commander'
import { connected, examples, serverCommand, type Setting } from './setting.ts'

/** The commands that connect to a machine. */
export function addAttaching(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'console')
    .argument('<machine...>', 'NAME or vm/NAME')
    .description("attach this terminal to a machine's serial console; Ctrl-] leaves")
    .action((machine: string[]) =>
      connected(setting, command, async (context, { openWebSocket }) =>
        (await import('../commands/console.ts')).attachConsole(context, machine, {
          terminal: { input: process.stdin, output: process.stdout },
          openWebSocket,
        }),
      ),
    )
  examples(command, setting, ['kvorum console vm/web', 'kvorum console web -n lab'])
}
