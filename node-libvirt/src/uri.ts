/** Where a daemon listens, and what it is asked to open. */
export interface Endpoint {
  readonly transport: UnixTransport | TcpTransport | TlsTransport | CommandTransport
  /** The URI that the daemon itself opens, such as `qemu:///system`. */
  readonly name: string
}

export interface UnixTransport {
  readonly kind: 'unix'
  /** Sockets in order of preference; the first that exists is used, else the last. */
  readonly paths: readonly string[]
}

export interface TcpTransport {
  readonly kind: 'tcp'
  readonly host: string
  readonly port: number
}

export interface TlsTransport {
  readonly kind: 'tls'
  readonly host: string
  readonly port: number
  /** Whether the daemon's certificate is checked; only the URI parameter `no_verify=1` says no. */
  readonly verify: boolean
  /** Directory of `cacert.pem`, `clientcert.pem` and `clientkey.pem`, instead of libvirt's usual places. */
  readonly pkiPath?: string
}

export interface CommandTransport {
  readonly kind: 'command'
  /** Program and arguments; their standard input and output carry the protocol. */
  readonly argv: readonly [string, ...string[]]
}

/** What a URI is read against: whose daemon `session` means, and whether only reading is wanted. */
export interface UriContext {
  readonly readOnly?: boolean | undefined
  /** `XDG_RUNTIME_DIR`; the place of a session daemon's socket. */
  readonly runtimeDir?: string | undefined
}

/** The modular daemon of each driver. */
const modularDaemons: Readonly<Record<string, string>> = {
  qemu: 'virtqemud',
  lxc: 'virtlxcd',
  xen: 'virtxend',
  vbox: 'virtvboxd',
  vz: 'virtvzd',
  ch: 'virtchd',
  bhyve: 'virtbhyved',
  network: 'virtnetworkd',
  storage: 'virtstoraged',
  secret: 'virtsecretd',
  nodedev: 'virtnodedevd',
  nwfilter: 'virtnwfilterd',
  interface: 'virtinterfaced',
}

/** Parameters that say how to connect and are not part of the URI that the daemon opens. */
const ownParameters = (
  'name command socket auth netcat keyfile pkipath known_hosts proxy mode ' +
  'no_sanity no_verify no_tty tls_priority known_hosts_verify sshauth'
).split(' ')

/**
 * Reads a connection URI as libvirt does: `qemu:///system`, `qemu+unix:///system?socket=…`, `qemu+tcp://host/system`,
 * `qemu+tls://host/system?pkipath=…`, `qemu+ssh://user@host/system?keyfile=…`, `test:///default`.
 * Throws `TypeError` for one that cannot be reached this way.
 */
export function parseUri(uri: string, context: UriContext = {}): Endpoint {
  const url = urlOf(uri)
  const [driver = '', named] = url.protocol.slice(0, -1).split('+')
  const transport = named ?? (url.hostname === '' ? 'unix' : 'tls')
  const name = url.searchParams.get('name') ?? daemonUri(url, driver)
  switch (transport) {
    case 'unix':
      if (url.hostname !== '') throw new TypeError(`${uri}: a unix socket has no host; use +ssh or +tls`)
      return { name, transport: { kind: 'unix', paths: socketPaths(url, driver, context) } }
    case 'tcp':
      return { name, transport: { kind: 'tcp', host: hostOf(url), port: portOf(url, 16_509) } }
    case 'tls':
      return { name, transport: tlsTransport(url) }
    case 'ssh':
      return { name, transport: { kind: 'command', argv: sshCommand(url, name, context) } }
    default:
      throw new TypeError(`${uri}: the transport "${transport}" is not supported (unix, tcp, tls, ssh are)`)
  }
}

function urlOf(uri: string): URL {
  try {
    return new URL(uri)
  } catch (cause) {
    throw new TypeError(`"${uri}" is not a URI such as qemu:///system`, { cause })
  }
}

/** The URI as the daemon will see it: without transport, host and the parameters that are ours. */
function daemonUri(url: URL, driver: string): string {
  if (driver === 'remote') return ''
  const parameters = new URLSearchParams(url.searchParams)
  for (const parameter of ownParameters) parameters.delete(parameter)
  const query = parameters.size === 0 ? '' : `?${parameters.toString()}`
  return `${driver}://${url.pathname === '' ? '/' : url.pathname}${query}`
}

function socketPaths(url: URL, driver: string, { readOnly = false, runtimeDir }: UriContext): string[] {
  const given = url.searchParams.get('socket')
  if (given !== null) return [given]
  const isSession = url.pathname === '/session'
  if (isSession && runtimeDir === undefined) throw new TypeError(`${url.href}: XDG_RUNTIME_DIR is not set`)
  const directory = isSession ? `${runtimeDir}/libvirt` : '/run/libvirt'
  const socket = (daemon: string) => `${directory}/${daemon}${readOnly && !isSession ? '-sock-ro' : '-sock'}`
  const modular = modularDaemons[driver]
  switch (url.searchParams.get('mode') ?? 'auto') {
    case 'direct':
      return [socket(modular ?? 'virtproxyd')]
    case 'legacy':
      return [socket('libvirt')]
    default:
      return modular === undefined ? [socket('libvirt')] : [socket(modular), socket('libvirt')]
  }
}

function tlsTransport(url: URL): TlsTransport {
  const pkiPath = url.searchParams.get('pkipath')
  return {
    kind: 'tls',
    host: hostOf(url),
    port: portOf(url, 16_514),
    verify: !isSet(url, 'no_verify'),
    ...(pkiPath === null ? {} : { pkiPath }),
  }
}

function sshCommand(url: URL, name: string, { readOnly = false }: UriContext): [string, ...string[]] {
  const keyFile = url.searchParams.get('keyfile')
  const knownHosts = url.searchParams.get('known_hosts')
  const quoted = `'${name.replaceAll("'", String.raw`'\''`)}'`
  return [
    url.searchParams.get('command') ?? 'ssh',
    ...(url.port === '' ? [] : ['-p', url.port]),
    ...(url.username === '' ? [] : ['-l', decodeURIComponent(url.username)]),
    ...(keyFile === null ? [] : ['-i', keyFile]),
    ...(knownHosts === null ? [] : ['-o', `UserKnownHostsFile=${knownHosts}`]),
    ...(isSet(url, 'no_verify') ? ['-o', 'StrictHostKeyChecking=no'] : []),
    ...(isSet(url, 'no_tty') ? ['-o', 'BatchMode=yes'] : []),
    '-T',
    '-e',
    'none',
    '--',
    hostOf(url),
    // The remote shell splits this again, hence the quotes around the only part that is not ours.
    `virt-ssh-helper ${readOnly ? '-r ' : ''}${quoted}`,
  ]
}

function hostOf(url: URL): string {
  if (url.hostname === '') throw new TypeError(`${url.href}: the host is missing`)
  return url.hostname.replace(/^\[(.*)\]$/, '$1')
}

function portOf(url: URL, standard: number): number {
  return url.port === '' ? standard : Number(url.port)
}

function isSet(url: URL, parameter: string): boolean {
  const value = url.searchParams.get(parameter)
  return value !== null && value !== '0'
}
