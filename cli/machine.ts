import type { CommandContext } from './context.ts'
import type { ServedResource } from './discovery.ts'
import { parseTargets } from './targets.ts'
import { UsageError } from './usage-error.ts'

/** The run of the machine that a command names: `vm/web`, `vmi/web`, `vm web` or just `web`. Throws UsageError. */
export async function findMachine(
  context: CommandContext,
  args: readonly string[],
  command: string,
): Promise<{ run: ServedResource; name: string }> {
  const discovery = await context.discovery()
  const [only] = args
  const isName = args.length === 1 && only !== undefined && !only.includes('/')
  const [target, ...more] = parseTargets(discovery, isName ? ['virtualmachines.kvorum.dev', only] : args)
  if (target?.name === undefined || more.length > 0)
    throw new UsageError(`name one machine: kvorum ${command} vm/NAME`)
  if (!['VirtualMachine', 'VirtualMachineInstance'].includes(target.resource.kind))
    throw new UsageError(`a ${target.resource.kind} has no console: name a vm`)
  // A run carries its machine's name.
  return { run: discovery.byName('virtualmachineinstances.kvorum.dev'), name: target.name }
}
