import type { ObjectKey } from '../../apimachinery/client/client.ts'
import { isConflict, isNotFound } from '../../apimachinery/status-error.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import type { VirtualMachine } from '../../crds/v1alpha1/virtual-machine.ts'
import type { AddressBook } from '../addresses/address-book.ts'
import { beside } from '../beside.ts'
import { isBeingDeleted, removeFinalizer } from '../finalizers.ts'
import type { Instance } from '../instances.ts'
import { isControlledBy } from '../ownership.ts'
import { proceed, type Step, stop } from '../runtime/reconciler.ts'
import { diskNameOf, type Machine, machineFinalizer } from './machine.ts'
import { isRunOf, ownInstance, type OwnInstanceDeps } from './own-instance.ts'

export interface EndRunDeps extends OwnInstanceDeps {
  /** From the server, for when the cache may be behind. */
  readonly readInstance: (key: ObjectKey) => Promise<Instance>
  readonly deleteInstance: (instance: Instance, options: { readonly unchanged: boolean }) => Promise<void>
}

export interface DeleteDisksDeps {
  readonly disksControlledBy: (uid: string) => readonly Stored<Disk>[]
  readonly readDisk: (key: ObjectKey) => Promise<Stored<Disk>>
  readonly deleteDisk: (disk: Stored<Disk>) => Promise<void>
}

/**
 * A machine that is protected is not taken apart, however its deletion came about: the policy that refuses to delete it
 * does not see everything, the deletion of its namespace for one.
 */
export function holdWhileProtected(): Step<VirtualMachine> {
  return (_ctx, vm) => Promise.resolve(isHeld(vm) ? stop : proceed)
}

/** It is to go and stays, until it is not protected any more. */
export function isHeld(vm: Machine): boolean {
  return isBeingDeleted(vm) && vm.spec.deletionProtection
}

/** Ends the machine's run and waits until its host has let go of it. */
export function endRun(deps: EndRunDeps): Step<VirtualMachine> {
  return async (ctx, vm) => {
    // A run that was made a moment ago may not be in the cache yet, and nobody would end it after us.
    const instance = ownInstance(deps, vm) ?? (await ifThere(deps.readInstance(beside(vm, vm.metadata.name))))
    if (instance === undefined || !isRunOf(instance, vm)) return proceed
    if (isBeingDeleted(instance)) return stop
    ctx.log.info('Deleting run', { uid: instance.metadata.uid })
    await accepted(deps.deleteInstance(instance, { unchanged: false }))
    return stop
  }
}

/** Deletes every Disk that was made for the machine, in its spec or no longer, and waits until they are gone. */
export function deleteInlineDisks(deps: DeleteDisksDeps): Step<VirtualMachine> {
  return async (ctx, vm) => {
    const left = await inlineDisksLeft(deps, vm)
    for (const disk of left.filter((one) => !isBeingDeleted(one))) {
      ctx.log.info('Deleting disk', { disk: disk.metadata.name })
      await accepted(deps.deleteDisk(disk))
    }
    return left.length === 0 ? proceed : stop
  }
}

async function inlineDisksLeft(deps: DeleteDisksDeps, vm: Machine): Promise<Stored<Disk>[]> {
  const known = [...deps.disksControlledBy(vm.metadata.uid)]
  if (known.length > 0) return known
  const names = vm.spec.disks
    .filter(({ template }) => template !== undefined)
    .map((disk) => diskNameOf(vm, disk))
  const read = await Promise.all(names.map((name) => ifThere(deps.readDisk(beside(vm, name)))))
  return read.filter((disk) => disk !== undefined).filter((disk) => isControlledBy(disk, vm))
}

/** Nothing of the machine is left: its addresses are free and its object may go. */
export function letGo(addresses: AddressBook): Step<VirtualMachine> {
  return (_ctx, vm) => {
    addresses.forget(vm.metadata.uid)
    removeFinalizer(vm, machineFinalizer)
    return Promise.resolve(stop)
  }
}

async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Gone already, or another object by now: what the cache learns about it wakes us. */
async function accepted(deleting: Promise<void>): Promise<void> {
  try {
    await deleting
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
}
