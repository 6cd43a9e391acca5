import type { Command } from 'commander'
import type { CreateObjectOptions, DataOptions, TokenOptions } from '../commands/create-objects.ts'
import type { WriteOptions } from '../commands/create.ts'
import {
  addOptions,
  collectWhole,
  connected,
  dryRunOption,
  examples,
  fieldManagerOption,
  kustomizeOption,
  filenameOption,
  objectFormats,
  outputOption,
  recursiveOption,
  serverCommand,
  type Setting,
  validateOption,
} from './setting.ts'
import { withFiles } from './writing.ts'

/** `kvorum create -f`, and the generators below it. */
export function addCreating(program: Command, setting: Setting): void {
  const create = serverCommand(program, 'create').description(
    'make objects from manifests, or small ones by name',
  )
  addOptions(create, filenameOption(), recursiveOption(), kustomizeOption(), ...common()).action(
    (options: WriteOptions) => {
      const sources = withFiles(create, options)
      return connected(setting, create, async (context) =>
        (await import('../commands/create.ts')).create(context, sources),
      )
    },
  )
  examples(create, setting, [
    'kvorum create -f machine.yaml',
    'kvorum create namespace lab',
    'kvorum create secret generic ipmi --from-literal=username=admin --from-file=password',
    'kvorum create token robot --duration=1h',
  ])
  addNamed(create, setting, 'Namespace', ['ns'])
  addNamed(create, setting, 'ServiceAccount', ['sa'])
  addSecret(create, setting)
  addConfigMap(create, setting)
  addToken(create, setting)
}

const common = () => [
  outputOption(objectFormats),
  dryRunOption(),
  validateOption(),
  fieldManagerOption('kvorum-create'),
]

function addNamed(
  create: Command,
  setting: Setting,
  kind: 'Namespace' | 'ServiceAccount',
  aliases: readonly string[],
): void {
  const command = serverCommand(create, kind.toLowerCase())
    .aliases(aliases)
    .argument('<name>', 'name of the new object')
    .description(`make a ${kind}`)
  addOptions(command, ...common()).action((name: string) =>
    connected(setting, command, async (context) =>
      (await import('../commands/create-objects.ts')).createNamed(context, kind, name, optionsOf(command)),
    ),
  )
}

/** The same options may stand before the name of a generator. */
function optionsOf<T extends CreateObjectOptions>(command: Command): T {
  return command.optsWithGlobals<T>()
}

function addData(command: Command): Command {
  return addOptions(command, ...common())
    .option('--from-literal <key=value>', 'one value; may be repeated', collectWhole)
    .option('--from-file <source>', 'FILE, KEY=FILE or a directory; may be repeated', collectWhole)
    .option('--from-env-file <file>', 'a file of KEY=value lines; may be repeated', collectWhole)
}

function addSecret(create: Command, setting: Setting): void {
  const secret = create.command('secret').description('make a Secret')
  const generic = serverCommand(secret, 'generic')
    .argument('<name>', 'name of the new Secret')
    .description('make a Secret from values and files')
    .option('--type <type>', 'type of the Secret (default: Opaque)')
  addData(generic).action((name: string) =>
    connected(setting, generic, async (context) =>
      (await import('../commands/create-objects.ts')).createSecret(
        context,
        name,
        optionsOf<DataOptions>(generic),
      ),
    ),
  )
  const tls = serverCommand(secret, 'tls')
    .argument('<name>', 'name of the new Secret')
    .description('make a Secret with a certificate and its key')
    .requiredOption('--cert <file>', 'the certificate, PEM')
    .requiredOption('--key <file>', 'its key, PEM')
  addOptions(tls, ...common()).action((name: string) =>
    connected(setting, tls, async (context) =>
      (await import('../commands/create-objects.ts')).createTlsSecret(context, name, optionsOf(tls)),
    ),
  )
}

function addConfigMap(create: Command, setting: Setting): void {
  const command = serverCommand(create, 'configmap')
    .alias('cm')
    .argument('<name>', 'name of the new ConfigMap')
    .description('make a ConfigMap from values and files')
  addData(command).action((name: string) =>
    connected(setting, command, async (context) =>
      (await import('../commands/create-objects.ts')).createConfigMap(
        context,
        name,
        optionsOf<DataOptions>(command),
      ),
    ),
  )
}

function addToken(create: Command, setting: Setting): void {
  const command = serverCommand(create, 'token')
    .argument('<serviceaccount>', 'name of the ServiceAccount')
    .description('ask for a token with which a program acts as a ServiceAccount')
    .option('--audience <name>', 'whom the token is for; may be repeated', collectWhole)
    .option('--duration <duration>', 'how long it is good for, such as 1h')
    .option('-o, --output <format>', 'json or yaml: the whole answer')
    .action((name: string) =>
      connected(setting, command, async (context) =>
        (await import('../commands/create-objects.ts')).createToken(
          context,
          name,
          command.optsWithGlobals<TokenOptions>(),
        ),
      ),
    )
  examples(command, setting, ['kvorum create token robot --duration=10m'])
}
