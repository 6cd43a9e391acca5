import { run } from './run.ts'
import type { DataLayout } from './layout.ts'
import type { Program } from './supervisor.ts'

export interface EtcdTls {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

/** A single-member etcd that only holders of a certificate of its own authority can talk to. */
export function etcdProgram(
  layout: DataLayout,
  ports: { client: number; peer: number },
  tls: EtcdTls,
): Program {
  const client = `https://127.0.0.1:${ports.client}`
  const peer = `https://127.0.0.1:${ports.peer}`
  return {
    name: 'etcd',
    command: [
      'etcd',
      `--name=kvorum`,
      `--data-dir=${layout.etcd}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=kvorum=${peer}`,
      `--cert-file=${tls.certFile}`,
      `--key-file=${tls.keyFile}`,
      `--trusted-ca-file=${tls.caFile}`,
      '--client-cert-auth=true',
      `--peer-cert-file=${tls.certFile}`,
      `--peer-key-file=${tls.keyFile}`,
      `--peer-trusted-ca-file=${tls.caFile}`,
      '--peer-client-cert-auth=true',
      '--enable-grpc-gateway=false',
      '--quota-backend-bytes=8589934592',
      '--max-request-bytes=2097152',
    ],
  }
}

/** Thrown when a program that Kvorum needs is not installed; says which package has it. */
export class MissingProgramError extends Error {
  override readonly name = 'MissingProgramError'
}

export async function checkEtcd(): Promise<void> {
  const version = await run('etcd', ['--version']).catch((error: unknown) => {
    throw new MissingProgramError('etcd was not found: install the package etcd-server (or etcd)', {
      cause: error,
    })
  })
  if (!/etcd Version: 3\.[4-9]/.test(version)) {
    throw new MissingProgramError(
      `etcd 3.4 or newer is needed; this is ${version.split('\n')[0] ?? 'unknown'}`,
    )
  }
}
