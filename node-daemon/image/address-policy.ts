import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/**
 * What no image is fetched from unless it is allowed: this host itself, and where clouds and routers tell secrets to
 * whoever asks from here.
 */
export const deniedByDefault: readonly string[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '100.100.100.200/32',
  '192.0.0.192/32',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/127',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  '64:ff9b::/96',
]

export interface AddressRanges {
  readonly denied: readonly string[]
  /** Win over those denied. */
  readonly allowed: readonly string[]
}

/** Which addresses images may come from, so that an Image cannot make the daemon ask where its author may not. */
export interface AddressPolicy {
  permits(address: string): boolean
  /** As `dns.lookup`, but answers permitted addresses only: to be used where the connection is made. */
  readonly lookup: LookupFunction
}

export class AddressDenied extends Error {
  override readonly name = 'AddressDenied'
  readonly code = 'EADDRDENIED'
}

/** Throws a RangeError that names the range when one is not an address or CIDR. */
export function addressPolicy({ denied, allowed }: AddressRanges): AddressPolicy {
  const deny = blockList(denied)
  const allow = blockList(allowed)
  const permits = (address: string) => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    return allow.check(address, family) || !deny.check(address, family)
  }
  return {
    permits,
    lookup(hostname, options, callback) {
      const all: LookupOptions & { all: true } = { ...options, all: true }
      resolve(hostname, all, (error, found: LookupAddress[]) => {
        if (error !== null) return callback(error, '')
        const good = found.filter(({ address }) => permits(address))
        const [first] = good
        if (first === undefined) return callback(new AddressDenied('no permitted address'), '')
        if (options.all === true) return callback(null, good)
        callback(null, first.address, first.family)
      })
    },
  }
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix, ...rest] = range.split('/')
    const version = isIP(address)
    const bits = version === 6 ? 128 : 32
    const length = prefix === undefined ? bits : Number(prefix)
    const valid = version !== 0 && rest.length === 0 && /^\d{1,3}$/.test(prefix ?? '0') && length <= bits
    if (!valid) throw new RangeError(`${range} is neither an address nor a range such as 192.0.2.0/24`)
    list.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}
