import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { findMachine } from '../machine.ts'
import { UsageError } from '../usage-error.ts'

export interface LogsOptions {
  readonly follow?: boolean
  /** Lines from the end; `-1` for all. */
  readonly tail?: string
  readonly limitBytes?: string
}

/** `kvorum logs`: what a machine wrote to its serial port. */
export async function logs(
  context: CommandContext,
  args: readonly string[],
  options: LogsOptions,
): Promise<void> {
  const { run, name } = await findMachine(context, args, 'logs')
  const { tail = '-1', limitBytes } = options
  if (!/^(?:-1|\d+)$/.test(tail)) throw new UsageError(`--tail takes a number of lines, not "${tail}"`)
  if (limitBytes !== undefined && !/^[1-9]\d*$/.test(limitBytes))
    throw new UsageError(`--limit-bytes takes a number above 0, not "${limitBytes}"`)
  const decoder = new TextDecoder()
  const log = context.api.bytes({
    method: 'GET',
    path: pathOf(run, { namespace: context.namespace, name, subresource: 'log' }),
    query: {
      follow: options.follow === true ? 'true' : undefined,
      tailLines: tail === '-1' ? undefined : tail,
      limitBytes,
    },
    signal: context.signal,
  })
  for await (const chunk of log) context.print(decoder.decode(chunk, { stream: true }))
}
