import { chmod, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** Where `kvorum up` keeps everything: one directory, nothing outside it. */
export interface DataLayout {
  readonly root: string
  /** Certificates and private keys: readable by root alone. */
  readonly pki: string
  readonly etcd: string
  readonly logs: string
  /** Disks and images of `local` storage domains, and what the daemon remembers. */
  readonly node: string
  /** Files that an Image may import by `source.file.path`. */
  readonly importDir: string
  readonly adminKubeconfig: string
  readonly pidFile: string
}

export function dataLayout(dataDir: string): DataLayout {
  const root = resolve(dataDir)
  return {
    root,
    pki: join(root, 'pki'),
    etcd: join(root, 'etcd'),
    logs: join(root, 'logs'),
    node: join(root, 'node'),
    importDir: join(root, 'import'),
    adminKubeconfig: join(root, 'admin.kubeconfig'),
    pidFile: join(root, 'up.pid'),
  }
}

export async function makeLayout(layout: DataLayout): Promise<void> {
  // QEMU runs as its own user and must be able to pass through to the disks, not to list what else is there.
  await mkdir(layout.root, { recursive: true })
  await chmod(layout.root, 0o711)
  for (const dir of [layout.pki, layout.etcd, layout.logs]) await mkdir(dir, { recursive: true, mode: 0o700 })
  for (const dir of [layout.node, layout.importDir]) {
    await mkdir(dir, { recursive: true })
    await chmod(dir, 0o711)
  }
}
