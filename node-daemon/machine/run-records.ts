import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { DomainOwner } from '../hypervisor/domain-spec.ts'

const record = z.object({
  namespace: z.string(),
  name: z.string(),
  uid: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  /** The domain's. */
  uuid: z.string(),
  stoppedWithHost: z.boolean().optional(),
  definition: z.string().optional(),
})

export type RunRecord = DomainOwner & {
  readonly uuid: string
  /** The machine was shut down because the host or Kvorum on it was, not because anybody wanted the machine to stop. */
  readonly stoppedWithHost?: boolean | undefined
  /** The domain's stored definition as it was when the run had started. */
  readonly definition?: string | undefined
}

/**
 * What this installation has started on the host. It outlives the API server, and tells a machine of ours whose
 * object is gone from one that another installation runs on the same libvirtd.
 */
export interface RunRecords {
  get(uid: string): Promise<RunRecord | undefined>
  /** Replaces what there is about the run. */
  put(run: RunRecord): Promise<void>
  remove(uid: string): Promise<void>
  list(): Promise<readonly RunRecord[]>
}

/** One small file per run in `directory`, which is made when missing. */
export function fileRunRecords(directory: string): RunRecords {
  const pathOf = (uid: string) => join(directory, `${record.shape.uid.parse(uid)}.json`)
  const read = async (path: string) => {
    try {
      return record.safeParse(JSON.parse(await readFile(path, 'utf8'))).data
    } catch {
      return undefined
    }
  }
  return {
    get: (uid) => read(pathOf(uid)),
    async put(run) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await writeFile(pathOf(run.uid), JSON.stringify(record.parse(run)), { mode: 0o600, flush: true })
    },
    remove: (uid) => rm(pathOf(uid), { force: true }),
    async list() {
      const names = await readdir(directory).catch(() => [])
      const paths = names.filter((name) => name.endsWith('.json')).map((name) => join(directory, name))
      return (await Promise.all(paths.map(read))).filter((run) => run !== undefined)
    },
  }
}

/** For tests and simulated hosts. */
export function memoryRunRecords(): RunRecords {
  const runs = new Map<string, RunRecord>()
  return {
    get: async (uid) => runs.get(uid),
    put: async (run) => void runs.set(run.uid, run),
    remove: async (uid) => void runs.delete(uid),
    list: async () => [...runs.values()],
  }
}
