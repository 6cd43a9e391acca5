import type { Environment } from '@marcbachmann/cel-js'
import { EvaluationError } from '@marcbachmann/cel-js'
import {
  addQuantity,
  compareQuantity,
  isQuantity,
  parseQuantity,
  quantityToNumber,
  subtractQuantity,
  type Quantity,
  type QuantityFormat,
} from '../../../apimachinery/quantity.ts'
import { Cidr, IpAddress, parseCidr, parseIp } from './net.ts'
import { compareSemver, parseSemver, type Semver } from './semver.ts'
import { registerFormats } from './library-formats.ts'

/** Quantities, addresses, URLs, versions and name formats. */
export function registerKubernetes(environment: Environment): void {
  registerQuantities(environment)
  registerAddresses(environment)
  registerRanges(environment)
  registerUrls(environment)
  registerVersions(environment)
  registerFormats(environment)
}

class CelQuantity implements Quantity {
  readonly nanos: bigint
  readonly format: QuantityFormat

  constructor({ nanos, format }: Quantity) {
    this.nanos = nanos
    this.format = format
  }
}

function toQuantity(text: string): CelQuantity {
  try {
    return new CelQuantity(parseQuantity(text))
  } catch (error) {
    throw new EvaluationError((error as Error).message)
  }
}

const units = (count: bigint): Quantity => ({ nanos: count * 1_000_000_000n, format: 'DecimalSI' })
const isWhole = ({ nanos }: Quantity) =>
  nanos % 1_000_000_000n === 0n && BigInt.asIntN(64, nanos / 1_000_000_000n) === nanos / 1_000_000_000n

function registerQuantities(environment: Environment): void {
  const name = 'kubernetes.Quantity'
  environment
    .registerType(name, CelQuantity)
    .registerOperator(`${name} == ${name}`, (a: Quantity, b: Quantity) => a.nanos === b.nanos)
    .registerFunction(`quantity(string): ${name}`, toQuantity)
    .registerFunction('isQuantity(string): bool', isQuantity)
    .registerFunction(`${name}.sign(): int`, ({ nanos }: Quantity) =>
      nanos < 0n ? -1n : nanos > 0n ? 1n : 0n,
    )
    .registerFunction(
      `${name}.add(${name}): ${name}`,
      (a: Quantity, b: Quantity) => new CelQuantity(addQuantity(a, b)),
    )
    .registerFunction(
      `${name}.add(int): ${name}`,
      (a: Quantity, b: bigint) => new CelQuantity(addQuantity(a, units(b))),
    )
    .registerFunction(
      `${name}.sub(${name}): ${name}`,
      (a: Quantity, b: Quantity) => new CelQuantity(subtractQuantity(a, b)),
    )
    .registerFunction(
      `${name}.sub(int): ${name}`,
      (a: Quantity, b: bigint) => new CelQuantity(subtractQuantity(a, units(b))),
    )
    .registerFunction(`${name}.isLessThan(${name}): bool`, (a: Quantity, b: Quantity) => a.nanos < b.nanos)
    .registerFunction(`${name}.isGreaterThan(${name}): bool`, (a: Quantity, b: Quantity) => a.nanos > b.nanos)
    .registerFunction(`${name}.compareTo(${name}): int`, (a: Quantity, b: Quantity) =>
      BigInt(compareQuantity(a, b)),
    )
    .registerFunction(`${name}.isInteger(): bool`, isWhole)
    .registerFunction(`${name}.asApproximateFloat(): double`, (quantity: Quantity) =>
      quantityToNumber(quantity),
    )
    .registerFunction(`${name}.asInteger(): int`, (quantity: Quantity) => {
      if (isWhole(quantity)) return quantity.nanos / 1_000_000_000n
      throw new EvaluationError('cannot convert value to integer')
    })
}

function toIp(text: string): IpAddress {
  const ip = parseIp(text)
  if (ip === undefined)
    throw new EvaluationError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`)
  return ip
}

function registerAddresses(environment: Environment): void {
  const name = 'net.IP'
  class IpNamespace {}
  environment
    .registerType(name, IpAddress)
    .registerType('IpNamespace', IpNamespace)
    .registerConstant({ name: 'ip', type: 'IpNamespace', value: new IpNamespace() })
    .registerOperator(`${name} == ${name}`, (a: IpAddress, b: IpAddress) => a.equals(b))
    .registerFunction(`ip(string): ${name}`, toIp)
    .registerFunction('isIP(string): bool', (text: string) => parseIp(text) !== undefined)
    .registerFunction(
      'IpNamespace.isCanonical(string): bool',
      (_: unknown, text: string) => toIp(text).toString() === text,
    )
    .registerFunction(`string(${name}): string`, (ip: IpAddress) => ip.toString())
    .registerFunction(`${name}.family(): int`, (ip: IpAddress) => BigInt(ip.family))
    .registerFunction(`${name}.isUnspecified(): bool`, (ip: IpAddress) => ip.isUnspecified)
    .registerFunction(`${name}.isLoopback(): bool`, (ip: IpAddress) => ip.isLoopback)
    .registerFunction(`${name}.isLinkLocalMulticast(): bool`, (ip: IpAddress) => ip.isLinkLocalMulticast)
    .registerFunction(`${name}.isLinkLocalUnicast(): bool`, (ip: IpAddress) => ip.isLinkLocalUnicast)
    .registerFunction(`${name}.isGlobalUnicast(): bool`, (ip: IpAddress) => ip.isGlobalUnicast)
}

function toCidr(text: string): Cidr {
  const cidr = parseCidr(text)
  if (cidr === undefined)
    throw new EvaluationError(
      `network address parse error during conversion from string: ${JSON.stringify(text)}`,
    )
  return cidr
}

function registerRanges(environment: Environment): void {
  const name = 'net.CIDR'
  environment
    .registerType(name, Cidr)
    .registerOperator(`${name} == ${name}`, (a: Cidr, b: Cidr) => a.equals(b))
    .registerFunction(`cidr(string): ${name}`, toCidr)
    .registerFunction('isCIDR(string): bool', (text: string) => parseCidr(text) !== undefined)
    .registerFunction(`string(${name}): string`, (cidr: Cidr) => cidr.toString())
    .registerFunction(`${name}.ip(): net.IP`, (cidr: Cidr) => cidr.ip)
    .registerFunction(`${name}.masked(): ${name}`, (cidr: Cidr) => cidr.masked())
    .registerFunction(`${name}.prefixLength(): int`, (cidr: Cidr) => BigInt(cidr.prefixLength))
    .registerFunction(`${name}.containsIP(net.IP): bool`, (cidr: Cidr, ip: IpAddress) => cidr.containsIp(ip))
    .registerFunction(`${name}.containsIP(string): bool`, (cidr: Cidr, ip: string) =>
      cidr.containsIp(toIp(ip)),
    )
    .registerFunction(`${name}.containsCIDR(${name}): bool`, (cidr: Cidr, other: Cidr) =>
      cidr.containsCidr(other),
    )
    .registerFunction(`${name}.containsCIDR(string): bool`, (cidr: Cidr, other: string) =>
      cidr.containsCidr(toCidr(other)),
    )
}

function parseUrl(text: string): URL | undefined {
  // What Go parses as a request URI: absolute, or a path from the root.
  const absolute = text.startsWith('/') ? `path://${text}` : text
  if (!/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(absolute) || /\s/.test(text)) return undefined
  return URL.canParse(absolute) ? new URL(absolute) : undefined
}

function toUrl(text: string): URL {
  const url = parseUrl(text)
  if (url === undefined)
    throw new EvaluationError(`URL parse error during conversion from string: ${JSON.stringify(text)}`)
  return url
}

function registerUrls(environment: Environment): void {
  const name = 'kubernetes.URL'
  environment
    .registerType(name, URL)
    .registerOperator(`${name} == ${name}`, (a: URL, b: URL) => a.href === b.href)
    .registerFunction(`url(string): ${name}`, toUrl)
    .registerFunction('isURL(string): bool', (text: string) => parseUrl(text) !== undefined)
    .registerFunction(`${name}.getScheme(): string`, (url: URL) =>
      url.protocol === 'path:' ? '' : url.protocol.slice(0, -1),
    )
    .registerFunction(`${name}.getHost(): string`, (url: URL) => url.host)
    .registerFunction(`${name}.getHostname(): string`, (url: URL) => url.hostname.replace(/^\[(.*)\]$/, '$1'))
    .registerFunction(`${name}.getPort(): string`, (url: URL) => url.port)
    .registerFunction(`${name}.getEscapedPath(): string`, (url: URL) => url.pathname)
    .registerFunction(`${name}.getQuery(): map<string, list<string>>`, (url: URL) => {
      const query = new Map<string, string[]>()
      for (const key of url.searchParams.keys()) query.set(key, url.searchParams.getAll(key))
      return query
    })
}

class CelSemver implements Semver {
  readonly major: bigint
  readonly minor: bigint
  readonly patch: bigint
  readonly prerelease: readonly string[]

  constructor({ major, minor, patch, prerelease }: Semver) {
    this.major = major
    this.minor = minor
    this.patch = patch
    this.prerelease = prerelease
  }
}

function toSemver(text: string, lenient = false): CelSemver {
  const version = parseSemver(text, lenient)
  if (version === undefined)
    throw new EvaluationError(`could not parse ${JSON.stringify(text)} as a semantic version`)
  return new CelSemver(version)
}

function registerVersions(environment: Environment): void {
  const name = 'kubernetes.Semver'
  environment
    .registerType(name, CelSemver)
    .registerOperator(`${name} == ${name}`, (a: Semver, b: Semver) => compareSemver(a, b) === 0)
    .registerFunction(`semver(string): ${name}`, (text: string) => toSemver(text))
    .registerFunction(`semver(string, bool): ${name}`, toSemver)
    .registerFunction('isSemver(string): bool', (text: string) => parseSemver(text, false) !== undefined)
    .registerFunction(
      'isSemver(string, bool): bool',
      (text: string, lenient: boolean) => parseSemver(text, lenient) !== undefined,
    )
    .registerFunction(`${name}.major(): int`, ({ major }: Semver) => major)
    .registerFunction(`${name}.minor(): int`, ({ minor }: Semver) => minor)
    .registerFunction(`${name}.patch(): int`, ({ patch }: Semver) => patch)
    .registerFunction(`${name}.isLessThan(${name}): bool`, (a: Semver, b: Semver) => compareSemver(a, b) < 0)
    .registerFunction(
      `${name}.isGreaterThan(${name}): bool`,
      (a: Semver, b: Semver) => compareSemver(a, b) > 0,
    )
    .registerFunction(`${name}.compareTo(${name}): int`, (a: Semver, b: Semver) =>
      BigInt(Math.sign(compareSemver(a, b))),
    )
}
