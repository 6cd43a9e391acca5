/** Reads a dotted quad as a number; undefined when it is none. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = value * 256 + Number(part)
  }
  return value
}

export function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}

/** Loopback (127/8) and link-local (169.254/16) addresses reach nobody but the guest itself. */
export function isReachableIpv4(text: string): boolean {
  return parseIpv4(text) !== undefined && !text.startsWith('127.') && !text.startsWith('169.254.')
}
