import type { Command } from 'commander'
import { connected, examples, serverCommand, type Setting } from './setting.ts'

/** The commands that connect to a machine. */
export function addAttaching(program: Command, setting: Setting): void {
  addConsole(program, setting)
  addVnc(program, setting)
  addScreenshot(program, setting)
}

function addConsole(program: Command, setting: Setting): void {
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

function addVnc(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'vnc')
    .argument('<machine...>', 'NAME or vm/NAME')
    .description("show a machine's screen in a viewer of this computer")
    .option('--proxy-only', 'start no viewer: print the address that leads to the machine, and wait')
    .option('--port <number>', 'local port (default: a free one)')
    .action((machine: string[], options: { proxyOnly?: boolean; port?: string }) =>
      connected(setting, command, async (context, { openWebSocket }) => {
        const { installedViewers } = await import('../commands/vnc-viewers.ts')
        const deps = { openWebSocket, viewers: installedViewers(context.env) }
        await (await import('../commands/vnc.ts')).showScreen(context, machine, options, deps)
      }),
    )
  examples(command, setting, ['kvorum vnc vm/web', 'kvorum vnc web --proxy-only --port 5901'])
}

function addScreenshot(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'screenshot')
    .argument('<machine...>', 'NAME or vm/NAME')
    .description("save what a machine's screen shows as PNG")
    .option('-o, --output <file>', 'where to; - is standard output (default: NAME.png)')
    .action((machine: string[], options: { output?: string }) =>
      connected(setting, command, async (context) =>
        (await import('../commands/screenshot.ts')).takeScreenshot(context, machine, {
          ...options,
          stdout: process.stdout,
        }),
      ),
    )
  examples(command, setting, ['kvorum screenshot vm/web -o web.png', 'kvorum screenshot web -o - | feh -'])
}
