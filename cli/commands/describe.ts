import { isForbiddenOrMissing, eventsAbout } from './event-list.ts'
import { isNotFound } from '../../apimachinery/status-error.ts'
import type { CommandContext } from '../context.ts'
import { formatDescription } from '../printers/describe.ts'
import { expand, type Found, select, type SelectionOptions, type Wanted } from '../selection.ts'
import { throwAll } from '../usage-error.ts'

export interface DescribeOptions extends SelectionOptions {
  readonly showEvents?: boolean
}

/** `kvorum describe`: the whole object in words, and its Events. */
export async function describe(
  context: CommandContext,
  args: readonly string[],
  options: DescribeOptions = {},
): Promise<void> {
  const wanted = await select(context, args, options)
  const errors: unknown[] = []
  let described = 0
  for (const one of wanted) {
    try {
      for (const found of await matching(context, one, options)) {
        context.print(`${described++ > 0 ? '\n\n' : ''}${await descriptionOf(context, found, one, options)}`)
      }
    } catch (error) {
      errors.push(error)
    }
  }
  if (described === 0 && errors.length === 0) {
    const everywhere = options.allNamespaces === true || wanted.some(({ resource }) => !resource.namespaced)
    context.error(everywhere ? 'No resources found' : `No resources found in ${context.namespace} namespace.`)
  }
  throwAll(errors)
}

async function descriptionOf(
  context: CommandContext,
  found: Found,
  wanted: Wanted,
  { showEvents }: DescribeOptions,
): Promise<string> {
  const text = formatDescription(found.object, showEvents === false ? [] : await eventsOf(context, found))
  // kubectl ends what was found by the beginning of its name with a line of its own.
  return wanted.name !== undefined && found.name !== wanted.name ? `${text}\n` : text
}

/** The named object, else those whose names begin like this. */
async function matching(context: CommandContext, wanted: Wanted, options: DescribeOptions): Promise<Found[]> {
  const { name } = wanted
  try {
    return await expand(context, wanted, options)
  } catch (error) {
    if (name === undefined || !isNotFound(error)) throw error
    const all = await expand(context, { ...wanted, name: undefined })
    const found = all.filter((one) => one.name.startsWith(name))
    if (found.length === 0) throw error
    return found
  }
}

async function eventsOf(context: CommandContext, { object }: Found) {
  try {
    return await eventsAbout(context, object)
  } catch (error) {
    // Who may see an object may not be allowed to see Events: the object is what was asked for.
    if (!isForbiddenOrMissing(error)) throw error
    return []
  }
}
