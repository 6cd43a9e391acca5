import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { run } from '../run.ts'

const init = (modules: readonly string[]) => `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /run /tmp /var/run /var/log /data
mount -t devpts devpts /dev/pts
for module in ${modules.join(' ')}; do modprobe -q "$module"; done
exec /sbin/init
`

const inittab = `::sysinit:/etc/init.d/boot
::respawn:/usr/sbin/qemu-ga --method=virtio-serial --path=/dev/virtio-ports/org.qemu.guest_agent.0 --statedir=/run
::respawn:/sbin/acpid -f -c /etc/acpi
ttyS0::respawn:/sbin/getty -n -l /etc/login -L 115200 ttyS0 vt220
::shutdown:/bin/umount -a -r
`

const boot = `#!/bin/sh
hostname hello
ip link set lo up
for port in /sys/class/virtio-ports/*; do
  [ -e "$port/name" ] || continue
  mkdir -p /dev/virtio-ports
  ln -sf "/dev/\${port##*/}" "/dev/virtio-ports/$(cat "$port/name")"
done
for disk in /dev/vda2 /dev/sda2; do
  [ -b "$disk" ] && mount -t ext4 "$disk" /data && break
done
for nic in /sys/class/net/e*; do
  [ -e "$nic" ] || continue
  name="\${nic##*/}"
  ip link set "$name" up
  udhcpc -b -q -t 30 -T 1 -i "$name" -s /etc/udhcpc.script -x hostname:hello >/dev/null 2>&1 &
done
echo "hello from Kvorum: up after $(cut -d' ' -f1 /proc/uptime) s"
`

const dhcpScript = `#!/bin/sh
case "$1" in
deconfig) ip addr flush dev "$interface" ;;
bound|renew)
  ip addr flush dev "$interface"
  ip addr add "$ip/$mask" dev "$interface"
  for gateway in $router; do ip route replace default via "$gateway" dev "$interface"; break; done
  : >/etc/resolv.conf
  for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done ;;
esac
`

const login = `#!/bin/sh
echo "Kvorum quickstart guest. /data is on its disk; poweroff ends it."
cd /root
exec /bin/sh -l
`

// What the guest agent calls for guest-shutdown.
const shutdown = `#!/bin/sh
case "$1" in
-r) exec /bin/busybox reboot ;;
*) exec /bin/busybox poweroff ;;
esac
`

export interface RootContents {
  /** Unpacked packages. */
  readonly kernel: string
  readonly agent: string
  readonly modules: readonly string[]
}

/** Fills `root` with busybox, the guest agent with its libraries, and the kernel modules. */
export async function fillRoot(root: string, { kernel, agent, modules }: RootContents): Promise<void> {
  for (const dir of [
    'bin',
    'sbin',
    'usr/sbin',
    'usr/bin',
    'etc/init.d',
    'etc/acpi/PWRF',
    'proc',
    'sys',
    'dev',
    'root',
    'lib',
    'lib64',
  ]) {
    await mkdir(join(root, dir), { recursive: true })
  }
  await copyFile('/bin/busybox', join(root, 'bin/busybox'))
  await installApplets(root)
  await installAgent(root, agent)
  await installModules(root, kernel, modules)
  const files: [string, string, number][] = [
    ['init', init(modules), 0o755],
    ['etc/inittab', inittab, 0o644],
    ['etc/init.d/boot', boot, 0o755],
    ['etc/udhcpc.script', dhcpScript, 0o755],
    ['etc/login', login, 0o755],
    ['sbin/shutdown', shutdown, 0o755],
    ['etc/acpi/PWRF/00000080', '#!/bin/sh\nexec /bin/busybox poweroff\n', 0o755],
    [
      'etc/os-release',
      'NAME="Kvorum quickstart"\nID=kvorum-quickstart\nVERSION_ID="1"\nPRETTY_NAME="Kvorum quickstart 1"\n',
      0o644,
    ],
    ['etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n', 0o644],
    ['etc/group', 'root:x:0:\n', 0o644],
  ]
  for (const [path, text, mode] of files) await writeFile(join(root, path), text, { mode })
}

async function installApplets(root: string): Promise<void> {
  const applets = (await run('/bin/busybox', ['--list-full'])).split('\n').filter(Boolean)
  for (const applet of applets) {
    if (basename(applet) === 'busybox' || basename(applet) === 'shutdown') continue
    await mkdir(join(root, dirname(applet)), { recursive: true })
    await symlink('/bin/busybox', join(root, applet)).catch(ignoreExisting)
  }
}

async function installAgent(root: string, agent: string): Promise<void> {
  const binary = join(agent, 'usr/sbin/qemu-ga')
  await copyFile(binary, join(root, 'usr/sbin/qemu-ga'))
  const libraries = (await run('ldd', [binary])).matchAll(/(?:=> )?(\/\S+) \(0x/g)
  for (const [, path] of libraries) {
    if (path === undefined) continue
    await mkdir(join(root, dirname(path)), { recursive: true })
    await copyFile(path, join(root, path))
  }
}

async function installModules(root: string, kernel: string, modules: readonly string[]): Promise<void> {
  const base = await firstExisting([join(kernel, 'lib/modules'), join(kernel, 'usr/lib/modules')])
  const [version] = await readdir(base)
  if (version === undefined) throw new Error('the kernel package holds no modules')
  await run('depmod', ['-b', dirname(dirname(base)), version])
  const dependencies = await readFile(join(base, version, 'modules.dep'), 'utf8')
  const wanted = new Set<string>()
  for (const line of dependencies.split('\n')) {
    const [module = '', needs = ''] = line.split(':')
    if (modules.includes(moduleName(module)) || modules.includes(moduleName(module).replaceAll('_', '-'))) {
      for (const path of [module, ...needs.trim().split(/\s+/)]) if (path !== '') wanted.add(path)
    }
  }
  const target = join(root, 'lib/modules', version)
  for (const path of wanted) {
    await mkdir(dirname(join(target, path)), { recursive: true })
    await copyFile(join(base, version, path), join(target, path))
  }
  await unpackModules(target, wanted)
  await writeFile(join(target, 'modules.builtin'), await readFile(join(base, version, 'modules.builtin')))
  await writeFile(join(target, 'modules.order'), '')
  await run('depmod', ['-b', root, version])
}

// busybox's modprobe reads plain modules only; newer distributions compress theirs.
async function unpackModules(target: string, paths: ReadonlySet<string>): Promise<void> {
  for (const path of paths) {
    if (path.endsWith('.xz')) await run('xz', ['-d', join(target, path)])
    if (path.endsWith('.zst')) await run('zstd', ['-q', '-d', '--rm', join(target, path)])
  }
}

function moduleName(path: string): string {
  return basename(path).replace(/\.ko(\.xz|\.zst)?$/, '')
}

async function firstExisting(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    if (
      await readdir(path).then(
        (entries) => entries.length > 0,
        () => false,
      )
    )
      return path
  }
  throw new Error(`none of ${paths.join(', ')} exists`)
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
