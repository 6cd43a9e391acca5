import { readFile } from 'node:fs/promises'

/** One value of one of libvirt's public enums. */
export interface ApiEnumValue {
  readonly name: string
  readonly value: number
  readonly since: string
}

/** A function of libvirt's public C API, as far as the generator needs it. */
export interface ApiFunction {
  readonly name: string
  readonly since: string
  /** The public enum whose values its `flags` argument takes, if the description names one. */
  readonly flags: string | undefined
}

/** The facts of `libvirt-api.xml`: numbers, names and versions; none of its prose. */
export interface ApiDescription {
  readonly enums: ReadonlyMap<string, readonly ApiEnumValue[]>
  /** String macros such as `VIR_MIGRATE_PARAM_URI`. */
  readonly strings: ReadonlyMap<string, string>
  readonly functions: ReadonlyMap<string, ApiFunction>
}

const directory = '/usr/share/libvirt/api'

/** Reads the API descriptions that the distribution's `libvirt-dev` installs. */
export async function readApiDescription(): Promise<ApiDescription> {
  const texts = await Promise.all(
    ['libvirt-api.xml', 'libvirt-qemu-api.xml'].map((name) => readFile(`${directory}/${name}`, 'utf8')),
  )
  const text = texts.join('\n')
  return { enums: parseEnums(text), strings: parseStrings(text), functions: parseFunctions(text) }
}

function attributesOf(element: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  for (const [, name = '', value = ''] of element.matchAll(/(\w+)='([^']*)'/g)) attributes.set(name, value)
  return attributes
}

function parseEnums(text: string): ReadonlyMap<string, readonly ApiEnumValue[]> {
  const elements = [...text.matchAll(/<enum ([^>]*?)\/?>/g)].map(([, element = '']) => attributesOf(element))
  const raw = new Map(elements.map((element) => [element.get('name') ?? '', element.get('value') ?? '']))
  const resolve = (value: string): number =>
    /^-?\d+$/.test(value) ? Number(value) : resolve(raw.get(value) ?? raiseUnknown(value))

  const enums = new Map<string, ApiEnumValue[]>()
  for (const element of elements) {
    const name = element.get('name') ?? ''
    // The *_LAST sentinels differ between releases of libvirt: nobody may depend on them.
    if (name.endsWith('_LAST')) continue
    const type = element.get('type') ?? raiseUnknown(name)
    const values = enums.get(type) ?? []
    values.push({ name, value: resolve(element.get('value') ?? ''), since: element.get('version') ?? '' })
    enums.set(type, values)
  }
  for (const values of enums.values())
    values.sort((a, b) => a.value - b.value || a.name.localeCompare(b.name))
  return new Map([...enums].sort(([a], [b]) => a.localeCompare(b)))
}

function raiseUnknown(value: string): never {
  throw new Error(`libvirt-api.xml: cannot resolve the enum value ${value}`)
}

function parseStrings(text: string): ReadonlyMap<string, string> {
  const strings = [...text.matchAll(/<macro ([^>]*?)\/?>/g)]
    .map(([, element = '']) => attributesOf(element))
    .flatMap((element) => {
      const value = element.get('string')
      return value === undefined ? [] : [[element.get('name') ?? '', value] as const]
    })
  return new Map(strings.sort(([a], [b]) => a.localeCompare(b)))
}

function parseFunctions(text: string): ReadonlyMap<string, ApiFunction> {
  const functions = new Map<string, ApiFunction>()
  for (const [, head = '', body = ''] of text.matchAll(/<function (name=[^>]*)>([\s\S]*?)<\/function>/g)) {
    const attributes = attributesOf(head)
    const name = attributes.get('name') ?? ''
    const flags = /<arg name='flags'[^>]*info='[^']*?\b(vir[A-Z]\w+)/.exec(body)?.[1]
    functions.set(name.toLowerCase(), { name, since: attributes.get('version') ?? '', flags })
  }
  return functions
}
