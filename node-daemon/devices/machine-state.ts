import { readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { StorageDriver } from '../storage/storage-driver.ts'

/** Where libvirt keeps the state of TPMs, in a directory per machine that is called like its UUID. */
export const libvirtTpmDirectory = '/var/lib/libvirt/swtpm'

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A machine, as what it keeps for life is called by. */
export interface StateOwner {
  readonly uuid: string
  readonly secureBoot: boolean
}

/**
 * Where a machine's firmware keeps its variables: beside its first disk, so that they are where the disk is and go
 * when it goes. Machines with Secure Boot have a file of their own: the keys are variables, too.
 */
export function nvramPathOf(diskPath: string, { uuid, secureBoot }: StateOwner): string {
  return `${diskPath}.${uuid}${secureBoot ? '.secure' : ''}.nvram`
}

/** Notes beside its first disk that a machine has a TPM, so that the TPM's state goes when the disk goes. */
export async function noteTpm(diskPath: string, uuid: string): Promise<void> {
  await writeFile(`${diskPath}.${uuid}.tpm`, '', { mode: 0o600 })
}

/** Removes what machines keep beside the disk in `diskPath`: variables of firmware, and states of TPMs. */
export async function removeMachineState(
  diskPath: string,
  tpmDirectory: string = libvirtTpmDirectory,
): Promise<void> {
  const directory = dirname(diskPath)
  const prefix = `${basename(diskPath)}.`
  for (const name of await readdir(directory).catch(noEntries)) {
    if (!name.startsWith(prefix) || !/\.(nvram|tpm)$/.test(name)) continue
    const [uuid = '', kind] = name.slice(prefix.length).split('.')
    if (kind === 'tpm' && uuidPattern.test(uuid))
      await rm(join(tpmDirectory, uuid), { recursive: true, force: true })
    await rm(join(directory, name), { force: true })
  }
}

/** A storage driver that removes with a disk what machines keep beside it, and is `driver` in everything else. */
export function withMachineState(driver: StorageDriver, tpmDirectory?: string): StorageDriver {
  const removeVolume: StorageDriver['removeVolume'] = async (key, signal) => {
    const volume = key.kind === 'disk' ? await driver.statVolume(key, signal) : undefined
    // First what is found by the disk.
    if (volume !== undefined) await removeMachineState(volume.path, tpmDirectory)
    await driver.removeVolume(key, signal)
  }
  return new Proxy(driver, {
    get(target, name) {
      if (name === 'removeVolume') return removeVolume
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

function noEntries(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return []
  throw error
}
