import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../apimachinery/clock.ts'
import { apply } from '../commands/apply.ts'
import { connect } from '../connect.ts'
import { readManifests } from '../read-manifests.ts'
import { UsageError } from '../usage-error.ts'
import { detach, leaveParent, report } from './detach.ts'
import { ensureCredentials, keepCredentials, writeAdminKubeconfig } from './credentials.ts'
import { ensureEncryption } from './encryption.ts'
import { checkEtcd, etcdProgram } from './etcd.ts'
import { type DataLayout, dataLayout, makeLayout } from './layout.ts'
import { type UpOptions, upOptions } from './options.ts'
import { claim, release } from './pid-file.ts'
import { apiServerProgram, controllersProgram, nodeDaemonProgram } from './programs.ts'
import { waitForApi, waitForHost, waitForMachines } from './readiness.ts'
import { Supervisor } from './supervisor.ts'

/** `kvorum up`: everything on this machine, until `signal`. */
export async function up(rawOptions: object, signal: AbortSignal): Promise<void> {
  const options = parseOptions(rawOptions)
  const layout = dataLayout(options.dataDir)
  if (options.detach) return detach(layout, signal)
  await checkEtcd()
  await makeLayout(layout)
  await claim(layout.pidFile)
  const supervisor = new Supervisor({ clock: systemClock, logDir: layout.logs, report })
  const failing = new AbortController()
  const ending = AbortSignal.any([signal, failing.signal])
  try {
    await startAll({ options, layout, supervisor, clock: systemClock, signal: ending })
    leaveParent()
    await aborted(signal)
    report('Stopping; machines keep running and the next start takes them over')
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    // What goes on in the background, such as renewing certificates, would keep a failed start from ending.
    failing.abort(new Error('kvorum up ended'))
    await supervisor.stop()
    await release(layout.pidFile)
  }
}

interface Startup {
  readonly options: UpOptions
  readonly layout: DataLayout
  readonly supervisor: Supervisor
  readonly clock: Clock
  readonly signal: AbortSignal
}

async function startAll({ options, layout, supervisor, clock, signal }: Startup): Promise<void> {
  const hostName = options.hostName ?? hostname().toLowerCase()
  const address =
    options.bindAddress === '0.0.0.0' || options.bindAddress === '::' ? '127.0.0.1' : options.bindAddress
  const apiUrl = `https://${address}:${options.securePort}`
  const apiHosts = [...new Set([address, '127.0.0.1', 'localhost', hostName])]
  const request = { layout, clock, hostName, apiHosts, apiUrl }
  const credentials = await ensureCredentials(request)
  const encryptionConfig = await ensureEncryption(layout)
  await writeAdminKubeconfig(request)
  report(`Data, logs and certificates are in ${layout.root}`)

  supervisor.start(
    etcdProgram(layout, { client: options.etcdPort, peer: options.etcdPort + 1 }, credentials.etcdServer),
  )
  supervisor.start(apiServerProgram(options, layout, { ...credentials, encryptionConfig }))
  const onEtcdClient = () => supervisor.restart('apiserver')
  void keepCredentials(request, { onEtcdClient, report }, signal)
  const connection = connect({ kubeconfig: layout.adminKubeconfig }, signal)
  const { context } = connection
  try {
    await waitForApi(context, join(layout.logs, 'apiserver.log'))
    report(`API server is ready on ${apiUrl}`)
    supervisor.start(controllersProgram(credentials))
    supervisor.start(nodeDaemonProgram(options, layout, credentials, hostName))
    await waitForHost(context, hostName)
    report(`Host ${hostName} is ready`)
    if (options.apply !== undefined) {
      await apply(context, { filename: [options.apply] })
      await waitForMachines(context, await readManifests([options.apply], false), report)
    }
    report(usage(layout))
    report(`Ready: Kvorum is up${options.apply === undefined ? '' : ' and its machines run'}`)
  } finally {
    await context.api.close()
  }
}

function usage(layout: DataLayout): string {
  return [
    '',
    `  export KUBECONFIG=${layout.adminKubeconfig}`,
    '  kubectl get vm -A -o wide           or without kubectl: npx kvorum get vm -A -o wide',
    '  npx kvorum console vm/NAME          the serial console; Ctrl-] leaves',
    `  npx kvorum down --data-dir ${layout.root}`,
    '',
  ].join('\n')
}

function parseOptions(raw: object): UpOptions {
  const parsed = upOptions.safeParse(raw)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new UsageError(`--${String(issue?.path.join('.'))}: ${issue?.message ?? 'is wrong'}`)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
