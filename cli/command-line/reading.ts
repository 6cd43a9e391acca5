import type { Command } from 'commander'
import type { DescribeOptions } from '../commands/describe.ts'
import type { EventsOptions } from '../commands/events.ts'
import type { GetOptions } from '../commands/get-tables.ts'
import type { LogsOptions } from '../commands/logs.ts'
import type { WaitOptions } from '../commands/wait.ts'
import {
  addOptions,
  allNamespacesOption,
  allOption,
  collect,
  connected,
  examples,
  fieldSelectorOption,
  filenameOption,
  kustomizeOption,
  noHeadersOption,
  outputOption,
  recursiveOption,
  selectorOption,
  serverCommand,
  type Setting,
  showManagedFieldsOption,
} from './setting.ts'

const targetHelp = 'TYPE, TYPE NAME … or TYPE/NAME …'

/** The commands that look at objects. */
export function addReading(program: Command, setting: Setting): void {
  addGet(program, setting)
  addDescribe(program, setting)
  addWait(program, setting)
  addEvents(program, setting)
  addLogs(program, setting)
}

function addGet(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'get')
    .argument('[target...]', targetHelp)
    .description('print objects as a table, as YAML, as JSON or field by field')
  addOptions(
    command,
    allNamespacesOption(),
    outputOption(
      'wide, name, yaml, json, jsonpath=…, jsonpath-file=…, jsonpath-as-json=…, custom-columns=…, custom-columns-file=…',
    ),
    selectorOption(),
    fieldSelectorOption(),
    noHeadersOption(),
    showManagedFieldsOption(),
    filenameOption(),
    recursiveOption(),
    kustomizeOption(),
  )
    .option('-w, --watch', 'and go on printing what changes')
    .option('--watch-only', 'print what changes, without what is there')
    .option('--output-watch-events', 'say whether an object was added, modified or deleted')
    .option('--sort-by <path>', 'sort by a field, such as .metadata.creationTimestamp')
    .option('--show-labels', 'a last column with all labels')
    .option('-L, --label-columns <labels>', 'a column for each of these labels', collect)
    .option('--show-kind', 'the kind in front of each name')
    .option('--ignore-not-found', 'what is not there is no error')
    .option('--chunk-size <count>', 'objects per request; 0 asks for all at once', '500')
    .option('--subresource <name>', 'status or scale, of named objects')
    .option('--raw <path>', 'print what the server answers at a path')
    .action((target: string[], options: GetOptions) =>
      connected(setting, command, async (context) =>
        (await import('../commands/get.ts')).get(context, target, options),
      ),
    )
  examples(command, setting, [
    'kvorum get vm                                     # machines as a table',
    'kvorum get vm,disk -A -o wide                     # machines and disks of all namespaces, all columns',
    'kvorum get vm web -o yaml                         # one machine, whole',
    "kvorum get vm -o jsonpath='{.items[*].metadata.name}'",
    'kvorum get vm -o custom-columns=NAME:.metadata.name,HOST:.status.hostName',
    'kvorum get kvorum                                 # everything of Kvorum',
    'kvorum get vm -w                                  # and what changes',
  ])
}

function addDescribe(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'describe')
    .argument('[target...]', targetHelp)
    .description('print objects in words, with their Events')
  addOptions(
    command,
    selectorOption(),
    allNamespacesOption(),
    filenameOption(),
    recursiveOption(),
    kustomizeOption(),
  )
    .option('--show-events', 'with Events (default)')
    .option('--no-show-events', 'without Events')
    .action((target: string[], options: DescribeOptions) =>
      connected(setting, command, async (context) =>
        (await import('../commands/describe.ts')).describe(context, target, options),
      ),
    )
  examples(command, setting, [
    'kvorum describe vm web        # one machine and what happened to it',
    'kvorum describe vm we         # all machines whose names begin like this',
    'kvorum describe host          # every host',
  ])
}

function addWait(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'wait')
    .argument('[target...]', 'TYPE NAME … or TYPE/NAME …')
    .description('wait until a condition holds, a field has a value, or objects are there or gone')
  addOptions(
    command,
    selectorOption(),
    fieldSelectorOption(),
    allNamespacesOption(),
    allOption(),
    filenameOption(),
    recursiveOption(),
  )
    .requiredOption('--for <goal>', "condition=NAME[=STATUS], jsonpath='{PATH}'[=VALUE], create or delete")
    .option('--timeout <duration>', 'how long; 0 looks once, -1s waits a week', '30s')
    .action((target: string[], options: WaitOptions) =>
      connected(setting, command, async (context) =>
        (await import('../commands/wait.ts')).wait(context, target, options),
      ),
    )
  examples(command, setting, [
    'kvorum wait vm/web --for=condition=Ready --timeout=5m',
    "kvorum wait vm --all --for=jsonpath='{.status.phase}'=Running",
    'kvorum wait vm/web --for=delete',
  ])
}

function addEvents(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'events').description('print what happened, oldest first')
  addOptions(
    command,
    allNamespacesOption(),
    outputOption('yaml, json, name, jsonpath=…, custom-columns=…'),
    noHeadersOption(),
  )
    .option('--for <target>', 'only about this object: TYPE/NAME')
    .option('--types <types>', 'only these: Normal, Warning')
    .option('-w, --watch', 'and go on printing what happens')
    .action((options: EventsOptions) =>
      connected(setting, command, async (context) =>
        (await import('../commands/events.ts')).events(context, options),
      ),
    )
  examples(command, setting, ['kvorum events --for vm/web', 'kvorum events -A --types=Warning -w'])
}

function addLogs(program: Command, setting: Setting): void {
  const command = serverCommand(program, 'logs')
    .argument('<machine...>', 'NAME or vm/NAME')
    .description('print what a machine wrote to its serial port')
    .option('-f, --follow', 'and go on printing what it writes')
    .option('--tail <lines>', 'only the last lines; -1 for all', '-1')
    .option('--limit-bytes <count>', 'at most this many bytes')
    .action((machine: string[], options: LogsOptions) =>
      connected(setting, command, async (context) =>
        (await import('../commands/logs.ts')).logs(context, machine, options),
      ),
    )
  examples(command, setting, ['kvorum logs vm/web --tail=50', 'kvorum logs web -f'])
}
