import { sleep } from '../../apimachinery/clock.ts'
import { hasReason, isNotFound } from '../../apimachinery/status-error.ts'
import { isJsonObject } from '../../crds/meta/json.ts'
import { parseGoal, waitFor } from '../commands/wait.ts'
import { getObject } from '../commands/get.ts'
import type { CommandContext } from '../context.ts'
import { identityOf, text } from '../object-metadata.ts'
import type { Manifest } from '../read-manifests.ts'
import { UsageError } from '../usage-error.ts'

const startMs = 60_000
const machineMs = 300_000
const pollMs = 100

/** Until the API server says that it is ready and Kvorum's own kinds are served. */
export async function waitForApi({ api, clock, signal }: CommandContext, logFile: string): Promise<void> {
  const deadline = clock.monotonic() + startMs
  for (;;) {
    try {
      await api.json({ method: 'GET', path: '/apis/kvorum.dev/v1alpha1/hosts', signal })
      return
    } catch (error) {
      const notYet =
        isNotFound(error) || hasReason(error, 'ServiceUnavailable', 'InternalError', 'TooManyRequests')
      if (!notYet) throw error
      if (clock.monotonic() > deadline)
        throw new UsageError(`the API server did not come up; its log is ${logFile}`)
    }
    // Nothing to watch yet: the server that would tell us is what we wait for.
    await sleep(clock, pollMs, signal)
  }
}

/** Until the daemon has registered its host and can run machines. */
export async function waitForHost(context: CommandContext, name: string): Promise<void> {
  const resource = (await context.discovery()).byName('hosts.kvorum.dev')
  const deadline = context.clock.monotonic() + startMs
  while (await getObject(context, resource, name).then(() => false, isNotFoundOrThrow)) {
    if (context.clock.monotonic() > deadline)
      throw new UsageError(`the node daemon did not register host ${name}`)
    await sleep(context.clock, pollMs, context.signal)
  }
  await waitFor(context, { resource, name }, parseGoal('condition=Ready'), startMs)
}

/** Until every machine among `manifests` is ready, saying what each is waiting for. */
export async function waitForMachines(
  context: CommandContext,
  manifests: readonly Manifest[],
  report: (line: string) => void,
): Promise<void> {
  const resource = (await context.discovery()).byName('virtualmachines.kvorum.dev')
  const isReady = parseGoal('condition=Ready')
  for (const { object } of manifests) {
    if (object.kind !== resource.kind) continue
    const { name, namespace } = identityOf(object)
    const scoped = { ...context, namespace: namespace || context.namespace }
    let last = ''
    await waitFor(
      scoped,
      { resource, name },
      (machine) => {
        const line = progressOf(machine)
        if (line !== last) report(`  vm/${name}: ${line}`)
        last = line
        return isReady(machine)
      },
      machineMs,
    )
  }
}

function progressOf(machine: unknown): string {
  const status = isJsonObject(machine) && isJsonObject(machine['status']) ? machine['status'] : {}
  const conditions = Array.isArray(status['conditions']) ? status['conditions'].filter(isJsonObject) : []
  const find = (type: string) => conditions.find((condition) => condition['type'] === type)
  const ready = find('Ready')
  const address = text(status['ipAddress'])
  const where = text(status['hostName'])
  const phase = text(status['phase']) || 'Pending'
  if (ready?.['status'] === 'True') return `${phase} on ${where}${address && ` with IP ${address}`}`
  // Why no host fits is said where hosts are chosen.
  const why = ready?.['reason'] === 'WaitingForHost' ? find('Scheduled') : ready
  return `${phase}${why === undefined ? '' : ` (${text(why['message'])})`}`
}

function isNotFoundOrThrow(error: unknown): boolean {
  if (isNotFound(error)) return true
  throw error
}
