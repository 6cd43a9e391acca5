import type { Command } from 'commander'

/**
 * kubectl's way of writing switches, `--wait=false` and `--watch=true`, as this command line knows them: `--no-wait`
 * and `--watch`. What follows `--`, and everything else, is left as it is.
 */
export function plainFlags(program: Command, argv: readonly string[]): string[] {
  const switches = switchesOf(program)
  const end = argv.indexOf('--')
  const read = end === -1 ? argv : argv.slice(0, end)
  const rest = end === -1 ? [] : argv.slice(end)
  const plain = read.flatMap((arg) => {
    const [, flag = '', value] = /^(--[a-z][a-z-]*)=(true|false)$/.exec(arg) ?? []
    if (!switches.has(flag)) return [arg]
    if (value === 'true') return [flag]
    const negated = `--no-${flag.slice(2)}`
    return switches.has(negated) ? [negated] : []
  })
  return [...plain, ...rest]
}

/** The long names of options that take no value in any command. */
function switchesOf(program: Command): Set<string> {
  const found = new Set<string>()
  const withValue = new Set<string>()
  const visit = (command: Command): void => {
    for (const { long, required, optional } of command.options) {
      if (long) (required || optional ? withValue : found).add(long)
    }
    for (const child of command.commands) visit(child)
  }
  visit(program)
  return found.difference(withValue)
}
