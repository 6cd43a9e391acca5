import { isIPv4, isIPv6 } from 'node:net'

/** An address as CEL's `ip()` makes it: 4 or 16 bytes. */
export class IpAddress {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** 4 or 6. */
  get family(): 4 | 6 {
    return this.bytes.length === 4 ? 4 : 6
  }

  toString(): string {
    return this.family === 4 ? this.bytes.join('.') : ipv6Text(this.bytes)
  }

  equals(other: IpAddress): boolean {
    return Buffer.compare(this.bytes, other.bytes) === 0
  }

  get isUnspecified(): boolean {
    return this.bytes.every((byte) => byte === 0)
  }

  get isLoopback(): boolean {
    if (this.family === 4) return this.bytes[0] === 127
    return this.bytes.subarray(0, 15).every((byte) => byte === 0) && this.bytes[15] === 1
  }

  get isLinkLocalMulticast(): boolean {
    const [a = 0, b = 0, c = 0] = this.bytes
    return this.family === 4 ? a === 224 && b === 0 && c === 0 : a === 0xff && (b & 0x0f) === 0x02
  }

  get isLinkLocalUnicast(): boolean {
    const [a = 0, b = 0] = this.bytes
    return this.family === 4 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80
  }

  get isGlobalUnicast(): boolean {
    const [a = 0] = this.bytes
    const multicast = this.family === 4 ? a >= 224 && a < 240 : a === 0xff
    const broadcast = this.family === 4 && this.bytes.every((byte) => byte === 255)
    return !broadcast && !multicast && !this.isUnspecified && !this.isLoopback && !this.isLinkLocalUnicast
  }
}

/** Undefined for what is no address, has a zone, or is an IPv4 address written as IPv6, all of which CEL refuses. */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) return new IpAddress(Uint8Array.from(text.split('.'), Number))
  if (!isIPv6(text) || text.includes('%')) return undefined
  const bytes = ipv6Bytes(text)
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  return mapped ? undefined : new IpAddress(bytes)
}

function ipv6Bytes(text: string): Uint8Array {
  const [head = '', tail] = text.split('::')
  const front = groups(head)
  const back = tail === undefined ? [] : groups(tail)
  const middle = tail === undefined ? [] : Array.from({ length: 8 - front.length - back.length }, () => 0)
  return Uint8Array.from([...front, ...middle, ...back].flatMap((group) => [group >> 8, group & 0xff]))
}

function groups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
}

/** RFC 5952: lower case, the longest run of zeros shortened. */
function ipv6Text(bytes: Uint8Array): string {
  const parts: string[] = []
  for (let i = 0; i < 16; i += 2) parts.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16))
  const runs = [...parts.join(':').matchAll(/\b0(?::0)+\b/g)]
  const [longest] = runs.toSorted((a, b) => b[0].length - a[0].length)
  if (longest === undefined) return parts.join(':')
  const text = parts.join(':')
  const before = text.slice(0, longest.index).replace(/:$/, '')
  const after = text.slice(longest.index + longest[0].length).replace(/^:/, '')
  return `${before}::${after}`
}

/** A range of addresses as CEL's `cidr()` makes it. */
export class Cidr {
  readonly ip: IpAddress
  readonly prefixLength: number

  constructor(ip: IpAddress, prefixLength: number) {
    this.ip = ip
    this.prefixLength = prefixLength
  }

  toString(): string {
    return `${this.ip.toString()}/${this.prefixLength}`
  }

  equals(other: Cidr): boolean {
    return this.prefixLength === other.prefixLength && this.ip.equals(other.ip)
  }

  masked(): Cidr {
    return new Cidr(masked(this.ip, this.prefixLength), this.prefixLength)
  }

  containsIp(ip: IpAddress): boolean {
    if (ip.family !== this.ip.family) return false
    return masked(ip, this.prefixLength).equals(masked(this.ip, this.prefixLength))
  }

  containsCidr(other: Cidr): boolean {
    return other.prefixLength >= this.prefixLength && this.containsIp(other.ip)
  }
}

function masked(ip: IpAddress, bits: number): IpAddress {
  return new IpAddress(
    ip.bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - index * 8)))),
  )
}

/** Undefined for what is no address with a prefix length. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.lastIndexOf('/')
  const ip = slash < 0 ? undefined : parseIp(text.slice(0, slash))
  const bits = text.slice(slash + 1)
  if (ip === undefined || !/^(0|[1-9][0-9]{0,2})$/.test(bits)) return undefined
  const length = Number(bits)
  return length <= ip.bytes.length * 8 ? new Cidr(ip, length) : undefined
}
