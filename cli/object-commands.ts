import { type Command, Option } from 'commander'
import { apply, type ApplyOptions } from './commands/apply.ts'
import { attachConsole } from './commands/console.ts'
import { deleteObjects, type DeleteOptions } from './commands/delete.ts'
import { describe } from './commands/describe.ts'
import { get, type GetOptions } from './commands/get.ts'
import { wait, type WaitOptions } from './commands/wait.ts'
import { type Connection, type ConnectOptions, connect } from './connect.ts'

/** The commands that work on objects through the API, for those without kubectl. */
export function addObjectCommands(program: Command, signal: AbortSignal): void {
  const withConnection: WithConnection = async (command, work) => {
    const connection = connect(command.optsWithGlobals<ConnectOptions>(), signal)
    try {
      await work(connection)
    } finally {
      await connection.context.api.close()
    }
  }
  addReading(program, withConnection)
  addWriting(program, withConnection)
  objectCommand(program, 'console')
    .argument('<machine>', 'vm/NAME')
    .description("attach this terminal to a machine's serial console; Ctrl-] leaves")
    .action((machine: string, _options: object, command: Command) =>
      withConnection(command, ({ context, openWebSocket }) =>
        attachConsole(context, [machine], {
          terminal: { input: process.stdin, output: process.stdout },
          openWebSocket,
        }),
      ),
    )
}

type WithConnection = (command: Command, work: (connection: Connection) => Promise<void>) => Promise<void>

/** A subcommand that takes the options of every command after its own name too, where people write them. */
function objectCommand(program: Command, name: string): Command {
  return addServerOptions(program.command(name))
}

/** Which server, as whom, and where. */
export function addServerOptions(command: Command): Command {
  return command
    .addOption(new Option('--kubeconfig <file>', 'which server, as whom').env('KUBECONFIG'))
    .option('--context <name>', 'a context of the kubeconfig other than its current one')
    .option('-n, --namespace <name>', 'namespace of what is named')
}

function addReading(program: Command, withConnection: WithConnection): void {
  objectCommand(program, 'get')
    .argument('<target...>', 'TYPE, TYPE NAME … or TYPE/NAME …')
    .description('print objects as a table, as YAML or as JSON')
    .option('-A, --all-namespaces', 'of every namespace')
    .option('-o, --output <format>', 'wide, json, yaml or name')
    .option('-l, --selector <labels>', 'only objects with these labels')
    .option('--field-selector <fields>', 'only objects with these fields')
    .option('-w, --watch', 'and go on printing what changes')
    .option('--no-headers', 'leave out the line of column names')
    .action((target: string[], options: GetOptions, command: Command) =>
      withConnection(command, ({ context }) => get(context, target, options)),
    )
  objectCommand(program, 'describe')
    .argument('<target...>', 'TYPE, TYPE NAME … or TYPE/NAME …')
    .description('print objects in words, with their Events')
    .action((target: string[], _options: object, command: Command) =>
      withConnection(command, ({ context }) => describe(context, target)),
    )
  objectCommand(program, 'wait')
    .argument('<target...>', 'TYPE/NAME …')
    .description('wait until a condition holds or an object is gone')
    .requiredOption('--for <goal>', 'condition=NAME[=STATUS] or delete')
    .option('--timeout <duration>', 'how long, such as 30s or 5m', '30s')
    .action((target: string[], options: WaitOptions, command: Command) =>
      withConnection(command, ({ context }) => wait(context, target, options)),
    )
}

function addWriting(program: Command, withConnection: WithConnection): void {
  objectCommand(program, 'apply')
    .description('make the objects of files so (server-side apply)')
    .requiredOption('-f, --filename <path...>', 'files, directories, or - for standard input')
    .option('-R, --recursive', 'look into subdirectories')
    .option('--force-conflicts', 'take over fields that somebody else manages')
    .option('--dry-run <where>', '`server` checks everything and stores nothing')
    .action((options: ApplyOptions, command: Command) =>
      withConnection(command, ({ context }) => apply(context, options)),
    )
  objectCommand(program, 'delete')
    .argument('[target...]', 'TYPE NAME … or TYPE/NAME …')
    .description('delete objects and wait until they are gone')
    .option('-f, --filename <path...>', 'the objects of these files')
    .option('-R, --recursive', 'look into subdirectories')
    .option('--ignore-not-found', 'what is gone already is no error')
    .option('--no-wait', 'return as soon as the deletion is accepted')
    .option('--timeout <duration>', 'how long to wait', '5m')
    .action((target: string[], options: DeleteOptions, command: Command) =>
      withConnection(command, ({ context }) => deleteObjects(context, target, options)),
    )
}
