/** Who asks for or has an address: an interface of a machine. */
export interface AddressHolder {
  readonly machineUid: string
  /** `namespace/name` of the machine, for people. */
  readonly machineKey: string
  readonly interfaceName: string
}

export interface AddressBookDeps {
  /** Interfaces that have the address, by their machine's status or its run. */
  readonly holding: (entry: string) => readonly AddressHolder[]
  /** Interfaces whose spec asks for the address by name, whether or not they have got it. */
  readonly naming: (entry: string) => readonly AddressHolder[]
}

/** How an address is called in the book; an IP address is one only together with its network. */
export const macEntry = (macAddress: string) => `mac/${macAddress}`
export const ipEntry = (network: string, ipAddress: string) => `ip/${network}/${ipAddress}`

/**
 * Who has which address: what the caches show, and what this process has handed out since, until they show it. All of
 * it is synchronous, so that between asking and taking nobody else can.
 */
export class AddressBook {
  readonly #deps: AddressBookDeps
  readonly #handedOut = new Map<string, AddressHolder>()
  readonly #byMachine = new Map<string, Set<string>>()

  constructor(deps: AddressBookDeps) {
    this.#deps = deps
  }

  /** Who other than `asker` has the address; undefined when nobody has. */
  holderOf(entry: string, asker: AddressHolder): AddressHolder | undefined {
    const given = this.#handedOut.get(entry)
    if (given !== undefined && !isSame(given, asker)) return given
    return this.#deps.holding(entry).find((holder) => !isSame(holder, asker))
  }

  /** Nobody but `asker` has it or asks for it by name: it may be given without being asked for. */
  isFree(entry: string, asker: AddressHolder): boolean {
    if (this.holderOf(entry, asker) !== undefined) return false
    return this.#deps.naming(entry).every((holder) => isSame(holder, asker))
  }

  /** False when somebody else has it. */
  take(entry: string, asker: AddressHolder): boolean {
    if (this.holderOf(entry, asker) !== undefined) return false
    this.#handedOut.set(entry, asker)
    const entries = this.#byMachine.get(asker.machineUid) ?? new Set()
    this.#byMachine.set(asker.machineUid, entries.add(entry))
    return true
  }

  /** What was handed out to the machine counts no more: the caches show what it kept of it, or it is gone. */
  forget(machineUid: string): void {
    for (const entry of this.#byMachine.get(machineUid) ?? []) this.#handedOut.delete(entry)
    this.#byMachine.delete(machineUid)
  }
}

function isSame(one: AddressHolder, other: AddressHolder): boolean {
  return one.machineUid === other.machineUid && one.interfaceName === other.interfaceName
}
