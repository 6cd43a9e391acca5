import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Clock } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import type { Storage } from '../storage.ts'
import type { ConnectMember } from './etcd-member.ts'
import { etcdStorage } from './etcd-storage.ts'
import { http2Member } from './http2/http2-member.ts'

/** Flags about the way to etcd: kube-apiserver's, and three of our own. */
export const etcdFlags = {
  'etcd-servers': z
    .string()
    .default('http://127.0.0.1:2379')
    .transform((text) =>
      text
        .split(',')
        .map((url) => url.trim())
        .filter(Boolean),
    )
    .refine((urls) => urls.length > 0 && urls.every((url) => URL.canParse(url)), 'must be a list of URLs'),
  'etcd-cafile': z.string().optional(),
  'etcd-certfile': z.string().optional(),
  'etcd-keyfile': z.string().optional(),
  'etcd-username': z.string().optional(),
  'etcd-password-file': z.string().optional(),
  'etcd-client': z.enum(['http2', 'etcd3']).default('http2'),
}

export const etcdHelp = {
  'etcd-servers': 'URLs of the etcd members, separated by commas',
  'etcd-cafile': 'authority of the etcd servers, PEM',
  'etcd-certfile': 'client certificate for etcd, PEM',
  'etcd-keyfile': 'key of that certificate, PEM',
  'etcd-username': 'user of etcd, where it asks for a password',
  'etcd-password-file': 'file that holds the password of that user',
  'etcd-client': 'http2 (our own client) or etcd3 (the package of that name)',
} as const

/** The values of `etcdFlags`, under camel-case names. */
export interface EtcdOptions {
  readonly etcdServers: readonly string[]
  readonly etcdCafile?: string | undefined
  readonly etcdCertfile?: string | undefined
  readonly etcdKeyfile?: string | undefined
  readonly etcdUsername?: string | undefined
  readonly etcdPasswordFile?: string | undefined
  readonly etcdClient: 'http2' | 'etcd3'
}

/** Reads the files that the flags name; etcd itself is asked with the first call. */
export async function connectEtcd(
  options: EtcdOptions,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<Storage> {
  const { etcdServers, etcdCafile, etcdCertfile, etcdKeyfile, etcdUsername } = options
  const tls = etcdCafile && {
    ca: await readFile(etcdCafile),
    ...(etcdCertfile && { certificate: await readFile(etcdCertfile) }),
    ...(etcdKeyfile && { key: await readFile(etcdKeyfile) }),
  }
  const auth = etcdUsername && { username: etcdUsername, password: await password(options) }
  return etcdStorage({
    endpoints: etcdServers,
    clock,
    log,
    connect: await library(options),
    ...(tls && { tls }),
    ...(auth && { auth }),
  })
}

/** The package is loaded only by those who ask for it: it takes 30 MB. */
async function library({ etcdClient }: EtcdOptions): Promise<ConnectMember> {
  if (etcdClient === 'http2') return http2Member
  return (await import('./etcd3/etcd3-member.ts')).etcd3Member
}

async function password({ etcdPasswordFile }: EtcdOptions): Promise<string> {
  // A file may end in a line end, which is no part of the password.
  return etcdPasswordFile === undefined
    ? ''
    : (await readFile(etcdPasswordFile, 'utf8')).replace(/\r?\n$/, '')
}
