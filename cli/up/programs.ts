import { join } from 'node:path'
import type { Credentials } from './credentials.ts'
import type { DataLayout } from './layout.ts'
import type { UpOptions } from './options.ts'
import type { Program } from './supervisor.ts'

const kvorum = join(import.meta.dirname, '..', 'kvorum.mjs')
const crds = join(import.meta.dirname, '..', '..', 'crds')

function program(name: string, flags: Readonly<Record<string, string>>): Program {
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  return { name, command: [process.execPath, kvorum, name, ...args] }
}

export function apiServerProgram(
  options: UpOptions,
  layout: DataLayout,
  { api, etcdClient, encryptionConfig }: Credentials & { readonly encryptionConfig: string },
): Program {
  return program('apiserver', {
    'etcd-servers': `https://127.0.0.1:${options.etcdPort}`,
    'etcd-cafile': etcdClient.caFile,
    'etcd-certfile': etcdClient.certFile,
    'etcd-keyfile': etcdClient.keyFile,
    'bind-address': options.bindAddress,
    'cert-dir': layout.pki,
    'secure-port': String(options.securePort),
    'client-ca-file': api.clientCaFile,
    'tls-cert-file': api.certFile,
    'tls-private-key-file': api.keyFile,
    'kubelet-client-certificate': api.kubeletClientCertFile,
    'kubelet-client-key': api.kubeletClientKeyFile,
    'cluster-signing-cert-file': api.signingCertFile,
    'cluster-signing-key-file': api.signingKeyFile,
    'encryption-provider-config': encryptionConfig,
    'audit-log-path': join(layout.logs, 'audit.log'),
    'install-crds': crds,
  })
}

export function controllersProgram({ controllersKubeconfig }: Credentials): Program {
  return program('controllers', {
    kubeconfig: controllersKubeconfig,
    // There is one: nobody to elect, and no lease to wait for after it was killed.
    'leader-elect': 'false',
  })
}

export function nodeDaemonProgram(
  options: UpOptions,
  layout: DataLayout,
  credentials: Credentials,
  hostName: string,
): Program {
  return program('node-daemon', {
    kubeconfig: credentials.daemonKubeconfig,
    'host-name': hostName,
    'data-dir': layout.node,
    'cert-dir': join(layout.pki, 'node'),
    'import-dir': layout.importDir,
    'bind-address': '127.0.0.1',
    port: String(options.daemonPort),
  })
}
