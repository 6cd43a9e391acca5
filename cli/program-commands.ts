import type { Command } from 'commander'
import { dataDirOption } from './up/options.ts'

/**
 * The programs themselves. Each is loaded when it is asked for, so that `kvorum get` starts fast. Their options are
 * read by the program: what follows the name is passed on as it is.
 */
export function addProgramCommands(program: Command, signal: AbortSignal): void {
  // What follows a program's name is for the program.
  program.enablePositionalOptions()
  const programs = [
    [
      'apiserver',
      'serve the Kubernetes API on etcd',
      async () => (await import('../apiserver/main.ts')).main,
    ],
    ['controllers', 'reconcile the objects', async () => (await import('../controllers/main.ts')).main],
    ['node-daemon', "run this host's machines", async () => (await import('../node-daemon/main.ts')).main],
  ] as const
  for (const [name, description, load] of programs) {
    program
      .command(name)
      .description(description)
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments()
      .argument('[options...]', 'see --help of the program')
      .passThroughOptions()
      .action(async (args: string[]) => (await load())(args, signal))
  }
  program
    .command('up')
    .description('run all of Kvorum on this machine: etcd, API server, controllers and node daemon')
    .addOption(dataDirOption())
    .option('--apply <path>', 'apply these manifests and wait for their machines')
    .option('--detach', 'return once everything is ready')
    .option('--host-name <name>', 'name of this host (default: its own)')
    .option('--secure-port <port>', 'port of the API server', '7443')
    .option('--bind-address <address>', 'address of the API server', '127.0.0.1')
    .action(async (options: object) => (await import('./up/up.ts')).up(options, signal))
  program
    .command('down')
    .description('stop what `kvorum up` started, its machines included')
    .addOption(dataDirOption())
    .option('--keep-machines', 'leave the machines running')
    .action(async (options: object) => (await import('./up/down.ts')).down(options, signal))
}
