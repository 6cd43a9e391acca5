import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A set of names that outlives the daemon: what this installation has made on the host. */
export interface NameRecords {
  has(name: string): Promise<boolean>
  add(name: string): Promise<void>
  remove(name: string): Promise<void>
  list(): Promise<readonly string[]>
}

const isName = (name: string) => /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) && name.length <= 253

/** One empty file per name in `directory`, which is made when missing. Names are those of Kubernetes objects. */
export function fileNameRecords(directory: string): NameRecords {
  const list = async () => (await readdir(directory).catch(() => [])).filter(isName)
  return {
    list,
    has: async (name) => (await list()).includes(name),
    async add(name) {
      if (!isName(name)) throw new Error('the name is not one of an object')
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await writeFile(join(directory, name), '', { mode: 0o600, flush: true })
    },
    async remove(name) {
      if (isName(name)) await rm(join(directory, name), { force: true })
    },
  }
}

/** For tests and simulated hosts. */
export function memoryNameRecords(): NameRecords {
  const names = new Set<string>()
  return {
    list: async () => [...names],
    has: async (name) => names.has(name),
    add: async (name) => void names.add(name),
    remove: async (name) => void names.delete(name),
  }
}
