import type { Stored } from '../../crds/meta/object-meta.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { Hypervisor } from '../hypervisor/hypervisor.ts'
import type { RunRecords } from './run-records.ts'
import type { Situation } from './situation.ts'

type Run = Stored<VirtualMachineInstance>

export interface DefinitionWatchDeps {
  readonly hypervisor: Pick<Hypervisor, 'definitionOf' | 'putDefinition'>
  readonly records: RunRecords
}

/**
 * Tells whether somebody has edited or removed the stored definition of a run's domain. What it was when the run had
 * started is on record, so that the daemon that follows knows it too.
 */
export class DefinitionWatch {
  readonly #deps: DefinitionWatchDeps
  readonly #known = new Map<string, string>()

  constructor(deps: DefinitionWatchDeps) {
    this.#deps = deps
  }

  /** Call for a run that is up. The first look makes what is there the definition of the run. */
  async compare(run: Run, signal: AbortSignal): Promise<Situation['definition']> {
    if (run.spec.drift === 'Ignore') return undefined
    const { uid } = run.metadata
    const current = await this.#deps.hypervisor.definitionOf(run.spec.uuid, signal)
    const own = this.#known.get(uid) ?? (await this.#deps.records.get(uid))?.definition
    if (own === undefined) return current === undefined ? undefined : this.#adopt(run, current)
    this.#known.set(uid, own)
    if (current === undefined) return 'missing'
    return current === own ? 'ours' : 'changed'
  }

  /** Puts back what the run was started with. */
  async revert(run: Run, signal: AbortSignal): Promise<void> {
    const own = this.#known.get(run.metadata.uid)
    if (own === undefined) return
    await this.#deps.hypervisor.putDefinition(own, signal)
    // libvirt may write the same in other words, which must not look like another edit.
    const now = await this.#deps.hypervisor.definitionOf(run.spec.uuid, signal)
    if (now !== undefined && now !== own) await this.#adopt(run, now)
  }

  /** The next look makes what is there the definition of the run: for a new start, and after changes of our own. */
  async forget(uid: string): Promise<void> {
    this.#known.delete(uid)
    const record = await this.#deps.records.get(uid)
    if (record?.definition === undefined) return
    const { definition: _old, ...rest } = record
    await this.#deps.records.put(rest)
  }

  async #adopt({ metadata, spec }: Run, definition: string): Promise<'ours'> {
    const { namespace = '', name, uid } = metadata
    const record = (await this.#deps.records.get(uid)) ?? { namespace, name, uid, uuid: spec.uuid }
    await this.#deps.records.put({ ...record, definition })
    this.#known.set(uid, definition)
    return 'ours'
  }
}
