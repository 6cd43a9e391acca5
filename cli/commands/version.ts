import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import { version as own } from '../../apimachinery/version.ts'
import type { CommandContext } from '../context.ts'
import { text } from '../object-metadata.ts'
import { formatJson } from '../printers/json.ts'
import { formatYaml } from '../printers/yaml.ts'
import { UsageError } from '../usage-error.ts'

export interface VersionOptions {
  readonly client?: boolean
  readonly output?: string
}

/** `kvorum version`: of this program and, with a context, of the server. */
export async function version(
  context: CommandContext | undefined,
  print: (text: string) => void,
  { output = '' }: VersionOptions,
): Promise<void> {
  const clientVersion = { gitVersion: `v${own}`, platform: `${process.platform}/${process.arch}` }
  const serverVersion = context === undefined ? undefined : await serverVersionOf(context)
  const all = { clientVersion, ...(serverVersion !== undefined && { serverVersion }) }
  if (output === 'json') return print(`${formatJson(all, 2)}\n`)
  if (output === 'yaml') return print(formatYaml(all))
  if (output !== '') throw new UsageError(`--output must be 'yaml' or 'json'`)
  print(`Client Version: v${own}\n`)
  if (serverVersion !== undefined) print(`Server Version: ${text(serverVersion['gitVersion'])}\n`)
}

async function serverVersionOf(context: CommandContext): Promise<JsonObject> {
  const answer = await context.api.json({ method: 'GET', path: '/version' })
  return isJsonObject(answer) ? answer : {}
}

/** `kvorum cluster-info`: where the server is, and whether it is well. */
export async function clusterInfo(context: CommandContext): Promise<void> {
  await context.api.text({ method: 'GET', path: '/readyz' })
  context.print(`Kvorum control plane is running at ${context.server}\n`)
}
