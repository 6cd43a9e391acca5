import type { Command } from 'commander'
import { apply, type ApplyOptions } from './commands/apply.ts'
import { attachConsole } from './commands/console.ts'
import { deleteObjects, type DeleteOptions } from './commands/delete.ts'
import { describe } from './commands/describe.ts'
import { get, type GetOptions } from './commands/get.ts'
import { wait, type WaitOptions } from './commands/wait.ts'
import { type Connection, connect } from './connect.ts'

interface GlobalOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
}

/** The commands that work on objects through the API, for those without kubectl. */
export function addObjectCommands(program: Command, signal: AbortSignal): void {
  const withConnection = async (work: (connection: Connection) => Promise<void>): Promise<void> => {
    const connection = connect(program.opts<GlobalOptions>(), signal)
    try {
      await work(connection)
    } finally {
      await connection.context.api.close()
    }
  }
  addReading(program, withConnection)
  addWriting(program, withConnection)
  program
    .command('console')
    .argument('<machine>', 'vm/NAME')
    .description("attach this terminal to a machine's serial console; Ctrl-] leaves")
    .action((machine: string) =>
      withConnection(({ context, openWebSocket }) =>
        attachConsole(context, [machine], {
          terminal: { input: process.stdin, output: process.stdout },
          openWebSocket,
        }),
      ),
    )
}

type WithConnection = (work: (connection: Connection) => Promise<void>) => Promise<void>

function addReading(program: Command, withConnection: WithConnection): void {
  program
    .command('get')
    .argument('<target...>', 'TYPE, TYPE NAME … or TYPE/NAME …')
    .description('print objects as a table, as YAML or as JSON')
    .option('-A, --all-namespaces', 'of every namespace')
    .option('-o, --output <format>', 'wide, json, yaml or name')
    .option('-l, --selector <labels>', 'only objects with these labels')
    .option('--field-selector <fields>', 'only objects with these fields')
    .option('-w, --watch', 'and go on printing what changes')
    .option('--no-headers', 'leave out the line of column names')
    .action((target: string[], options: GetOptions) =>
      withConnection(({ context }) => get(context, target, options)),
    )
  program
    .command('describe')
    .argument('<target...>', 'TYPE, TYPE NAME … or TYPE/NAME …')
    .description('print objects in words, with their Events')
    .action((target: string[]) => withConnection(({ context }) => describe(context, target)))
  program
    .command('wait')
    .argument('<target...>', 'TYPE/NAME …')
    .description('wait until a condition holds or an object is gone')
    .requiredOption('--for <goal>', 'condition=NAME[=STATUS] or delete')
    .option('--timeout <duration>', 'how long, such as 30s or 5m', '30s')
    .action((target: string[], options: WaitOptions) =>
      withConnection(({ context }) => wait(context, target, options)),
    )
}

function addWriting(program: Command, withConnection: WithConnection): void {
  program
    .command('apply')
    .description('make the objects of files so (server-side apply)')
    .requiredOption('-f, --filename <path...>', 'files, directories, or - for standard input')
    .option('-R, --recursive', 'look into subdirectories')
    .option('--force-conflicts', 'take over fields that somebody else manages')
    .option('--dry-run <where>', '`server` checks everything and stores nothing')
    .action((options: ApplyOptions) => withConnection(({ context }) => apply(context, options)))
  program
    .command('delete')
    .argument('[target...]', 'TYPE NAME … or TYPE/NAME …')
    .description('delete objects and wait until they are gone')
    .option('-f, --filename <path...>', 'the objects of these files')
    .option('-R, --recursive', 'look into subdirectories')
    .option('--ignore-not-found', 'what is gone already is no error')
    .option('--no-wait', 'return as soon as the deletion is accepted')
    .option('--timeout <duration>', 'how long to wait', '5m')
    .action((target: string[], options: DeleteOptions) =>
      withConnection(({ context }) => deleteObjects(context, target, options)),
    )
}
