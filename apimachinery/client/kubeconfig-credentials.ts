import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import type { Credentials } from './http/connection.ts'
import type { KubeCluster, KubeUser } from './kubeconfig.ts'

/** What a user entry may hold for us to read it ourselves. */
const plainFields: ReadonlySet<string> = new Set([
  'client-certificate',
  'client-certificate-data',
  'client-key',
  'client-key-data',
  'token',
  'tokenFile',
  'username',
  'password',
])

/**
 * How to get in, read anew with every call where files are named. Everything but certificates, tokens and passwords
 * (exec plugins, authentication providers) is left to `@kubernetes/client-node`, which is loaded for that alone: it
 * takes 80 MB of memory and half a second.
 */
export async function credentialsOf(cluster: KubeCluster, user: KubeUser = {}): Promise<Credentials> {
  if (cluster.server.startsWith('http:')) return { headers: {} }
  const isPlain = Object.keys(user).every((field) => plainFields.has(field))
  return isPlain ? await plainCredentials(cluster, user) : await pluginCredentials(cluster, user)
}

async function plainCredentials(cluster: KubeCluster, user: KubeUser): Promise<Credentials> {
  const ca = await content(cluster['certificate-authority-data'], cluster['certificate-authority'])
  const cert = await content(user['client-certificate-data'], user['client-certificate'])
  const key = await content(user['client-key-data'], user['client-key'])
  const serverName = cluster['tls-server-name']
  return {
    headers: await authorizationOf(user),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(serverName !== undefined && { serverName }),
    ...(cluster['insecure-skip-tls-verify'] === true && { insecureSkipTlsVerify: true }),
  }
}

async function authorizationOf(user: KubeUser): Promise<Record<string, string>> {
  const { token, tokenFile, username, password = '' } = user
  // A token file may end in a line end, which no header may.
  const bearer = tokenFile === undefined ? token : await readFile(tokenFile, 'utf8')
  if (bearer !== undefined && bearer.trim() !== '') return { authorization: `Bearer ${bearer.trim()}` }
  if (username === undefined) return {}
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}

async function content(data: string | undefined, path: string | undefined): Promise<Buffer | undefined> {
  if (data !== undefined && data !== '') return Buffer.from(data, 'base64')
  return path === undefined || path === '' ? undefined : await readFile(path)
}

async function pluginCredentials(cluster: KubeCluster, user: KubeUser): Promise<Credentials> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  const name = 'one'
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name, cluster }],
      users: [{ name, user }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    }),
  )
  const options: RequestOptions & { servername?: string } = {}
  await config.applyToHTTPSOptions(options)
  const { ca, cert, key, servername, rejectUnauthorized, auth } = options
  const headers: Record<string, string> = {}
  for (const [header, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[header.toLowerCase()] = value.trim()
  }
  if (typeof auth === 'string') headers['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`
  return {
    headers,
    ...pem('ca', ca),
    ...pem('cert', cert),
    ...pem('key', key),
    ...(servername !== undefined && { serverName: servername }),
    ...(rejectUnauthorized === false && { insecureSkipTlsVerify: true }),
  }
}

function pem(name: 'ca' | 'cert' | 'key', value: unknown): Partial<Credentials> {
  return typeof value === 'string' || Buffer.isBuffer(value) ? { [name]: value } : {}
}
