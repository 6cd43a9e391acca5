import type { Command, Option } from 'commander'
import { Writable } from 'node:stream'
import { connected, type Setting } from '../command-line/setting.ts'
import type { CommandContext } from '../context.ts'
import { parseDuration } from '../duration.ts'
import { type Candidate, contextCandidates, LiveCandidates } from './candidates.ts'
import { positionalKind } from './positional.ts'

/** A shell waits this long at most for its user's sake, unless KVORUM_COMPLETION_TIMEOUT says otherwise. */
const limit = '2s'

interface Answer {
  readonly candidates: readonly Candidate[]
  /** Whether the shell may offer files when there is nothing else. */
  readonly files: boolean
}

const nothing: Answer = { candidates: [], files: false }

/** A line per candidate for the last of the words, then `:4`, or `:0` where files are meant. Never throws. */
export async function complete(
  program: Command,
  words: readonly string[],
  setting: Setting,
): Promise<string> {
  const limited = {
    ...setting,
    // Nobody wants to read warnings while typing.
    streams: { ...setting.streams, errors: nowhere() },
    signal: AbortSignal.any([setting.signal, AbortSignal.timeout(limitOf(setting.streams))]),
  }
  const { candidates, files } = await withinLimit(answer(program, words, limited), limited.signal)
  const current = words.at(-1) ?? ''
  const lines = candidates
    .filter(({ word }) => word.startsWith(current))
    .map(({ word, description }) => (description === undefined ? word : `${word}\t${description}`))
  return [...lines, files ? ':0' : ':4', ''].join('\n')
}

function withinLimit(work: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  const late = new Promise<Answer>((resolve) => {
    if (signal.aborted) resolve(nothing)
    signal.addEventListener('abort', () => resolve(nothing), { once: true })
  })
  return Promise.race([work.catch(() => nothing), late])
}

async function answer(program: Command, words: readonly string[], setting: Setting): Promise<Answer> {
  const current = words.at(-1) ?? ''
  const line = parse(program, words.slice(0, -1))
  if (line.pending !== undefined) return optionValue(line.pending, line, current, setting)
  if (current.startsWith('-')) {
    const [flag, value] = current.split(/=(.*)/s)
    const option = findOption(line.command, flag ?? '')
    if (value === undefined || option === undefined)
      return { candidates: optionsOf(line.command), files: false }
    const { candidates, files } = await optionValue(option, line, value, setting)
    return { candidates: candidates.map((one) => ({ ...one, word: `${flag}=${one.word}` })), files }
  }
  if (line.command.commands.length > 0 && line.positional.length === 0) {
    return { candidates: commandsOf(line.command), files: false }
  }
  return positional(line, current, setting)
}

/** What has been typed so far, as far as it is understood. */
interface TypedLine {
  readonly command: Command
  readonly positional: readonly string[]
  /** The option whose value comes next. */
  readonly pending: Option | undefined
}

function parse(program: Command, words: readonly string[]): TypedLine {
  let command = program
  const positionals: string[] = []
  let pending: Option | undefined
  for (const word of words) {
    if (pending !== undefined) {
      // For those who talk to the server: which one, and where.
      setValue(command, pending, word)
      pending = undefined
      continue
    }
    if (word.startsWith('-')) {
      const [flag = '', value] = word.split(/=(.*)/s)
      const option = findOption(command, flag)
      if (option === undefined || !(option.required || option.optional)) {
        if (option !== undefined) command.setOptionValueWithSource(option.attributeName(), true, 'cli')
      } else if (value === undefined) pending = option
      else setValue(command, option, value)
      continue
    }
    const child = command.commands.find((one) => one.name() === word || one.aliases().includes(word))
    if (child !== undefined && positionals.length === 0) command = child
    else positionals.push(word)
  }
  return { command, positional: positionals, pending }
}

function setValue(command: Command, option: Option, value: string): void {
  command.setOptionValueWithSource(option.attributeName(), value, 'cli')
}

function findOption(command: Command, flag: string): Option | undefined {
  return command.options.find(({ long, short }) => long === flag || short === flag)
}

function optionsOf(command: Command): Candidate[] {
  return command.options
    .filter(({ long }) => long !== undefined && long !== null)
    .map(({ long, description }) => ({ word: long ?? '', description }))
}

function commandsOf(command: Command): Candidate[] {
  const visible = command.createHelp().visibleCommands(command)
  return visible.map((child) => ({ word: child.name(), description: child.description() }))
}

const outputs = ['json', 'yaml', 'name', 'wide', 'jsonpath=', 'custom-columns=']
const values: Readonly<Record<string, readonly string[]>> = {
  '--output': outputs,
  '--dry-run': ['none', 'client', 'server'],
  '--validate': ['strict', 'warn', 'ignore'],
  '--cascade': ['background', 'foreground', 'orphan'],
  '--types': ['Normal', 'Warning'],
  '--type': ['json', 'merge', 'strategic', 'apply'],
  '--for': ['condition=', 'jsonpath=', 'create', 'delete'],
  '--namespaced': ['true', 'false'],
  '--subresource': ['status', 'scale'],
}
const fileOptions = new Set([
  '--filename',
  '--kustomize',
  '--kubeconfig',
  '--patch-file',
  '--from-file',
  '--cert',
  '--key',
  '--from-env-file',
  '--data-dir',
  '--apply',
])

async function optionValue(
  option: Option,
  line: TypedLine,
  current: string,
  setting: Setting,
): Promise<Answer> {
  const long = option.long ?? ''
  if (fileOptions.has(long)) return { candidates: [], files: true }
  if (long === '--namespace') return live(line, setting, (found) => found.namespaces())
  if (long === '--context') {
    return { candidates: await contextCandidates(line.command, setting.streams.env), files: false }
  }
  if (long === '--for' && line.command.name() === 'events') {
    return live(line, setting, (found) => found.targets([], current))
  }
  const known = Object.hasOwn(values, long) ? (values[long] ?? []) : []
  return { candidates: known.map((word) => ({ word })), files: false }
}

async function positional(line: TypedLine, current: string, setting: Setting): Promise<Answer> {
  const kind = positionalKind(line.command, line.positional.length)
  switch (kind) {
    case 'targets':
      return live(line, setting, (found) => found.targets(line.positional, current))
    case 'types':
      return live(line, setting, (found) => found.types())
    case 'machines':
      return live(line, setting, (found) => found.machines(current))
    case 'serviceaccounts':
      return live(line, setting, (found) => found.names('serviceaccounts'))
    case 'contexts':
      return { candidates: await contextCandidates(line.command, setting.streams.env), files: false }
    case 'nothing':
      return nothing
  }
}

/** With a connection as the options typed so far say. */
async function live(
  line: TypedLine,
  setting: Setting,
  ask: (found: LiveCandidates) => Promise<Candidate[]>,
): Promise<Answer> {
  let candidates: Candidate[] = []
  await connected(setting, line.command, async (context: CommandContext) => {
    candidates = await ask(new LiveCandidates(context))
  })
  return { candidates, files: false }
}

function limitOf({ env }: Setting['streams']): number {
  return parseDuration(env['KVORUM_COMPLETION_TIMEOUT'] || limit)
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}
