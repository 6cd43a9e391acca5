import { type Command, Option } from 'commander'
import type { Connection, ConnectOptions } from '../connect.ts'
import type { CommandContext } from '../context.ts'
import type { Streams } from '../streams.ts'

/** What the commands are made with. */
export interface Setting {
  readonly signal: AbortSignal
  readonly streams: Streams
  /** How people start this program: `kvorum`, or `kubectl kvorum` for the plugin. */
  readonly programName: string
}

/** Which server, as whom, and where: taken before and after a command's name, where people write them. */
export function addServerOptions(command: Command, visible: boolean): Command {
  const options = [
    new Option('--kubeconfig <file>', 'which server, as whom (default: that of KUBECONFIG)'),
    new Option('--context <name>', 'a context of the kubeconfig other than its current one'),
    new Option('-n, --namespace <name>', 'namespace of what is named'),
    new Option('-s, --server <url>', 'another server than that of the context'),
    new Option('--token <token>', 'a bearer token instead of what the kubeconfig has'),
    new Option('--insecure-skip-tls-verify', "do not check the server's certificate"),
    new Option('--as <user>', 'act as this user'),
    new Option('--as-group <group>', 'act as a member of this group; may be repeated').argParser(collect),
    new Option('--as-uid <uid>', 'act as the user with this UID'),
    new Option('--request-timeout <duration>', 'how long one request may take, such as 30s'),
  ]
  for (const option of options) command.addOption(visible ? option : option.hideHelp())
  return command
}

/** A subcommand that talks to a server. */
export function serverCommand(parent: Command, name: string): Command {
  return addServerOptions(parent.command(name), false)
}

/** Repeated options add up, and commas separate too. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), ...value.split(',')]
}

/** Repeated options add up; commas belong to the value. */
export function collectWhole(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value]
}

/** Lines below the options in a command's `--help`; `kvorum` in them is how people start this program. */
export function examples(command: Command, { programName }: Setting, lines: readonly string[]): Command {
  const text = lines
    .map((line) => `  ${line.replaceAll(/\bkvorum (?=[a-z-])/g, `${programName} `)}`)
    .join('\n')
  return command.addHelpText('after', `\nExamples:\n${text}`)
}

/** Runs `work` with a connection as the options of the command say, and closes it. */
export async function connected(
  setting: Setting,
  command: Command,
  work: (context: CommandContext, connection: Connection) => Promise<void>,
): Promise<void> {
  // Reading kubeconfigs takes longer to load than everything else together.
  const { connect } = await import('../connect.ts')
  const connection = connect(command.optsWithGlobals<ConnectOptions>(), setting.signal, setting.streams)
  try {
    await work(connection.context, connection)
  } catch (error) {
    // For whoever explains it.
    if (error instanceof Error) Object.assign(error, { server: connection.context.server })
    throw error
  } finally {
    await connection.context.api.close()
  }
}

export const filenameOption = () =>
  new Option(
    '-f, --filename <path>',
    'file, directory, https: URL, or - for standard input; may be repeated',
  ).argParser(collect)
export const recursiveOption = () => new Option('-R, --recursive', 'look into subdirectories')
export const kustomizeOption = () =>
  new Option('-k, --kustomize <directory>', 'a directory with a kustomization')
export const selectorOption = () => new Option('-l, --selector <labels>', 'only objects with these labels')
export const fieldSelectorOption = () =>
  new Option('--field-selector <fields>', 'only objects with these fields')
export const allNamespacesOption = () => new Option('-A, --all-namespaces', 'of every namespace')
export const allOption = () => new Option('--all', 'all objects of the named resources')
export const noHeadersOption = () => new Option('--no-headers', 'leave out the line of column names')
export const showManagedFieldsOption = () =>
  new Option('--show-managed-fields', 'keep metadata.managedFields in YAML and JSON')
export const dryRunOption = () =>
  new Option(
    '--dry-run <where>',
    'none, client (send nothing) or server (check everything and store nothing)',
  )
export const fieldManagerOption = (fallback: string) =>
  new Option('--field-manager <name>', `who is said to own the fields (default: ${fallback})`)
export const validateOption = () =>
  new Option('--validate <how>', 'what to do about unknown fields: strict, warn or ignore (default: strict)')
export const outputOption = (formats: string) => new Option('-o, --output <format>', formats)
export const objectFormats = 'name, yaml, json, jsonpath=…, jsonpath-file=…, custom-columns=…'

export function addOptions(command: Command, ...options: readonly Option[]): Command {
  for (const option of options) command.addOption(option)
  return command
}
