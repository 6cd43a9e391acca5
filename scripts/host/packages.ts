import { readFile } from 'node:fs/promises'
import { run } from '../run.ts'

/** A package of the distribution and why Kvorum wants it. */
export interface SystemPackage {
  readonly name: string
  readonly why: string
}

const hypervisor: readonly SystemPackage[] = [
  { name: 'etcd-server', why: 'the store of all objects' },
  { name: 'libvirt-daemon-system', why: 'runs and watches the machines' },
  { name: 'libvirt-daemon-driver-qemu', why: "libvirt's driver for QEMU" },
  { name: 'libvirt-clients', why: 'virsh, to look behind the scenes' },
  { name: 'qemu-system-x86', why: 'the machines themselves' },
  { name: 'qemu-utils', why: 'makes and converts disks' },
  { name: 'ovmf', why: 'UEFI firmware for machines' },
  { name: 'swtpm', why: 'TPMs for machines' },
  { name: 'swtpm-tools', why: "makes a TPM's first state" },
  { name: 'dnsmasq-base', why: 'DHCP and DNS on NAT networks' },
  { name: 'iptables', why: 'NAT for machines' },
  { name: 'iproute2', why: 'looks at network interfaces' },
  { name: 'acl', why: 'lets QEMU reach disks below a private home directory' },
]

const guestImage: readonly SystemPackage[] = [
  { name: 'busybox-static', why: "the quickstart guest's programs" },
  { name: 'syslinux', why: "the quickstart guest's boot loader" },
  { name: 'syslinux-common', why: "the quickstart guest's boot sector" },
  { name: 'mtools', why: "fills the quickstart guest's boot partition" },
  { name: 'dosfstools', why: "makes the quickstart guest's boot partition" },
  { name: 'e2fsprogs', why: "makes the quickstart guest's data partition" },
  { name: 'kmod', why: "sorts the quickstart guest's kernel modules" },
  { name: 'cpio', why: "packs the quickstart guest's initial file system" },
  { name: 'xz-utils', why: 'unpacks kernel modules' },
  { name: 'zstd', why: 'unpacks kernel modules' },
  { name: 'libglib2.0-0', why: 'a library of the guest agent' },
  { name: 'liburing2', why: 'a library of the guest agent' },
  { name: 'libnuma1', why: 'a library of the guest agent' },
]

/** What `npm start` needs. */
export const startPackages: readonly SystemPackage[] = [...hypervisor, ...guestImage]

/** What `npm test` needs beyond that. */
export const testPackages: readonly SystemPackage[] = [
  ...startPackages,
  { name: 'kubernetes-client', why: 'kubectl, for tests, where none is installed' },
  { name: 'iputils-ping', why: 'tests ping machines' },
  { name: 'chromium', why: 'tests look at a machine in a browser' },
  { name: 'python3-kubernetes', why: "another language's client of the API server, for tests" },
  { name: 'genisoimage', why: 'makes discs for CD-ROM drives of test machines' },
]

const supported: Record<string, readonly string[]> = { debian: ['12', '13'], ubuntu: ['22.04', '24.04'] }

/** Thrown where Kvorum does not know the distribution; the message says what to install by hand. */
export class UnsupportedDistributionError extends Error {
  override readonly name = 'UnsupportedDistributionError'
}

/** Installs those of `packages` that are missing, saying which and why. Needs root. */
export async function installPackages(
  packages: readonly SystemPackage[],
  log: (line: string) => void,
): Promise<void> {
  const missing = await missingPackages(packages)
  if (missing.length === 0) return
  await checkDistribution(missing)
  log(`Installing ${missing.length} packages of the distribution:`)
  for (const { name, why } of missing) log(`  ${name.padEnd(28)} ${why}`)
  const apt = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', [...apt, 'update'], { env })
  await run('apt-get', [...apt, 'install', '--no-install-recommends', ...missing.map(({ name }) => name)], {
    env,
  })
}

async function missingPackages(packages: readonly SystemPackage[]): Promise<SystemPackage[]> {
  const installed = await run('dpkg-query', [
    '-W',
    '-f',
    '${db:Status-Abbrev}\t${Package}\t${Provides}\n',
  ]).catch(() => '')
  const names = new Set<string>()
  for (const line of installed.split('\n')) {
    const [status, name, provides = ''] = line.split('\t')
    if (!status?.startsWith('ii') || name === undefined) continue
    names.add(name)
    for (const provided of provides.split(', ')) names.add(provided.split(' ')[0] ?? '')
  }
  const kubectl = await run('kubectl', ['version', '--client']).then(
    () => true,
    () => false,
  )
  return packages.filter(({ name }) => !names.has(name) && !(name === 'kubernetes-client' && kubectl))
}

async function checkDistribution(missing: readonly SystemPackage[]): Promise<void> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const field = (key: string) => new RegExp(`^${key}="?([^"\\n]*)`, 'm').exec(text)?.[1] ?? ''
  const id = field('ID')
  if (supported[id]?.includes(field('VERSION_ID'))) return
  const known = Object.entries(supported).map(([name, versions]) => `${name} ${versions.join(' or ')}`)
  const list = missing.map(({ name, why }) => `  ${name}: ${why}`).join('\n')
  throw new UnsupportedDistributionError(
    `Kvorum installs what it needs on ${known.join(' and ')}; this is ${field('PRETTY_NAME') || 'something else'}.\n` +
      `Install what corresponds to these Debian packages, then start again:\n${list}`,
  )
}
