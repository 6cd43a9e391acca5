import type { Command } from 'commander'
import { readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { commandLine } from '../../../../cli/command-line/program.ts'
import { plainFlags } from '../../../../cli/command-line/plain-flags.ts'
import { main } from '../../../../cli/main.ts'

const streams = () => {
  const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()]
  return { input, output, errors, env: { HOME: '/nonexistent' } }
}
const program = () =>
  commandLine({ signal: new AbortController().signal, streams: streams(), programName: 'kvorum' })

/** `get`, `create secret tls`, …: what does something, hidden commands left out. */
function pathsOf(command: Command, prefix: readonly string[] = []): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help' || prefix.length === 0)
    .flatMap((child) => {
      const path = [...prefix, child.name()]
      const below = pathsOf(child, path)
      const isGroup = below.length > 0 && child.name() !== 'create'
      return isGroup ? below : [path.join(' '), ...below]
    })
}

describe('the command line', () => {
  test('is documented, command by command', () => {
    const headings = readFileSync('docs/cli.md', 'utf8').matchAll(/^### (.+)$/gm)

    const documented = new Set(Array.from(headings, ([, path]) => path))
    expect(pathsOf(program()).filter((path) => !documented.has(path))).toEqual([])
  })

  test('describes every command and option', () => {
    const visit = (command: Command): string[] => [
      ...(command.description() === '' && command.name() !== '__complete' ? [command.name()] : []),
      ...command.options
        .filter(({ description, hidden }) => description === '' && !hidden)
        .map(({ flags }) => flags),
      ...command.commands.flatMap(visit),
    ]

    expect(visit(program())).toEqual([])
  })

  test.each([
    [['--nonsense'], "error: unknown option '--nonsense'\nSee 'kvorum --help' for usage.\n"],
    [
      ['get', '--wach', 'vm'],
      "error: unknown option '--wach'\n(Did you mean --watch?)\nSee 'kvorum get --help' for usage.\n",
    ],
    [
      ['descirbe'],
      "error: unknown command 'descirbe'\n(Did you mean describe?)\nSee 'kvorum --help' for usage.\n",
    ],
    [['apply'], "error: must specify one of -f and -k\nSee 'kvorum apply --help' for usage.\n"],
  ])('answers %j with a short hint', async (args, said) => {
    const io = streams()

    expect(await main(args, { streams: io })).toBe(1)

    expect((io.errors.read() as Buffer).toString()).toBe(said)
  })

  test('shows examples as they have to be typed', async () => {
    const io = streams()

    expect(await main(['console', '--help'], { streams: io, programName: 'kubectl kvorum' })).toBe(0)

    const help = (io.output.read() as Buffer).toString()
    expect(help).toContain('Usage: kubectl kvorum console')
    expect(help).toContain('  kubectl kvorum console vm/web')
  })

  test('says its own version without a server', async () => {
    const io = streams()

    expect(await main(['version', '--client'], { streams: io })).toBe(0)

    expect((io.output.read() as Buffer).toString()).toMatch(/^Client Version: v\d/)
  })
})

describe("kubectl's way of writing switches", () => {
  test.each([
    [
      ['delete', 'vm', 'a', '--wait=false'],
      ['delete', 'vm', 'a', '--no-wait'],
    ],
    [
      ['get', 'vm', '--watch=true'],
      ['get', 'vm', '--watch'],
    ],
    [
      ['get', 'vm', '--watch=false'],
      ['get', 'vm'],
    ],
    [
      ['label', 'vm', 'a', 'x=true'],
      ['label', 'vm', 'a', 'x=true'],
    ],
    [
      ['api-resources', '--namespaced=true'],
      ['api-resources', '--namespaced=true'],
    ],
    [
      ['get', '--', '--watch=true'],
      ['get', '--', '--watch=true'],
    ],
  ])('%j is %j', (written, meant) => {
    expect(plainFlags(program(), written)).toEqual(meant)
  })
})
