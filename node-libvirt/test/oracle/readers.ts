export const text = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
export const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).toSorted()
export const kib = (value: bigint) => `${value} KiB`
/** Statistics as `virsh domstats` prints them. */
export const plain = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value),
    ]),
  )
export const gib = (value: bigint) => (Number(value) / 2 ** 30).toFixed(2)

/** Names of memory statistics and their tags. */
export const memoryTags: readonly (readonly [string, number])[] = [
  ['actual', 6],
  ['rss', 7],
]

export function dotted(version: bigint): string {
  const number = Number(version)
  return [Math.floor(number / 1_000_000), Math.floor(number / 1000) % 1000, number % 1000].join('.')
}

/** `vda rd_req 5` lines. */
export function wordsOf(output: string, prefix: string): Record<string, string> {
  return words(output.replaceAll(new RegExp(`^${prefix} `, 'gm'), ''))
}

export function words(output: string): Record<string, string> {
  return Object.fromEntries(
    output.split('\n').map((line) => {
      const [name = '', value = ''] = line.trim().split(/\s+/)
      return [name, value]
    }),
  )
}

/** The free room of the file system under a pool moves while tests run. */
export function withoutSizes(xml: string): string {
  return xml.replaceAll(/<(allocation|available)[^>]*>\d+</g, '<$1><').trim()
}

/** What a QMP reply returns, without the number that libvirt gave the command. */
export function returned(reply: string): unknown {
  return (JSON.parse(reply) as { readonly return: unknown }).return
}
