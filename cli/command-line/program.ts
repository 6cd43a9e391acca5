import { Command } from 'commander'
import { version } from '../../apimachinery/version.ts'
import { addProgramCommands } from '../program-commands.ts'
import { addAttaching } from './attaching.ts'
import { addChanging } from './changing.ts'
import { addCompletion } from './completing.ts'
import { addConfiguring } from './configuring.ts'
import { addCreating } from './creating.ts'
import { addInspecting } from './inspecting.ts'
import { addReading } from './reading.ts'
import { addServerOptions, type Setting } from './setting.ts'
import { addTransferring } from './transferring.ts'
import { addWriting } from './writing.ts'

/** The whole command line. Nothing but its words is loaded before a command runs. */
export function commandLine(setting: Setting): Command {
  const program = new Command(setting.programName)
    .description('Virtual machines, declared: Kubernetes-style objects on etcd and libvirt.')
    .version(version, '--version')
    .exitOverride()
    // What follows the name of a program is for the program.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => void setting.streams.output.write(text),
      writeErr: (text) => void setting.streams.errors.write(text),
    })
  addServerOptions(program, true)
  // In the order in which `--help` lists them.
  group(program, 'Look at objects:', () => addReading(program, setting))
  group(program, 'Change objects:', () => {
    addWriting(program, setting)
    addCreating(program, setting)
    addChanging(program, setting)
  })
  group(program, 'Work with machines:', () => {
    addAttaching(program, setting)
    addTransferring(program, setting)
  })
  group(program, 'Ask about the server:', () => addInspecting(program, setting))
  group(program, 'Set up:', () => {
    addConfiguring(program, setting)
    addCompletion(program, setting)
  })
  group(program, 'Run Kvorum:', () => addProgramCommands(program, setting.signal))
  program.addHelpCommand(
    new Command('help').argument('[command]').description('print the help of a command').helpGroup('Set up:'),
  )
  finish(program, setting)
  return program
}

function group(program: Command, heading: string, add: () => void): void {
  const before = new Set(program.commands)
  add()
  for (const command of program.commands) if (!before.has(command)) command.helpGroup(heading)
}

/** Everywhere: how to get help, and no long help after a small mistake. */
function finish(command: Command, setting: Setting, path: string = setting.programName): void {
  command.showHelpAfterError(`See '${path} --help' for usage.`)
  for (const child of command.commands) finish(child, setting, `${path} ${child.name()}`)
  if (command.parent !== null && command.commands.length === 0) {
    command.addHelpText(
      'after',
      `\nOptions that say which server, as whom and where: ${setting.programName} --help`,
    )
  }
}
