import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readManifests } from '../../../cli/read-manifests.ts'

const vm = (name: string) =>
  `apiVersion: kvorum.dev/v1alpha1\nkind: VirtualMachine\nmetadata:\n  name: ${name}\n`

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-manifests-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

async function write(path: string, text: string): Promise<string> {
  const file = join(directory, path)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, text)
  return file
}

async function namesIn(paths: readonly string[], recursive = false): Promise<string[]> {
  return (await readManifests(paths, recursive)).map(({ object }) => object.metadata.name)
}

describe('manifests', () => {
  test('are every document of a file, empty ones left out', async () => {
    const file = await write('a.yaml', `---\n${vm('a')}---\n# nothing\n---\n${vm('b')}`)

    expect(await namesIn([file])).toEqual(['a', 'b'])
  })

  test('are the items of lists', async () => {
    const item = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }
    const file = await write(
      'a.json',
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item, item] }),
    )

    expect(await namesIn([file])).toEqual(['a', 'a'])
  })

  test('of a directory are its YAML and JSON files, sorted', async () => {
    await write('z.yml', vm('z'))
    await write('b.yaml', vm('b'))
    await write('notes.txt', 'not a manifest')
    await write('deeper/c.yaml', vm('c'))

    expect(await namesIn([directory])).toEqual(['b', 'z'])
    expect(await namesIn([directory], true)).toEqual(['b', 'c', 'z'])
  })

  test('mean what kubectl would read in them', async () => {
    const data =
      'data: {a: ., b: .5, c: 1., d: yes, f: 1_000, g: "yes", h: 52:54:00:12:34:56, i: 2020-01-01, j: 12:30}'
    const file = await write('a.yaml', `${vm('a')}${data}`)

    const [manifest] = await readManifests([file], false)

    expect(manifest?.object['data']).toEqual({
      a: '.',
      b: 0.5,
      c: 1,
      d: true,
      f: 1000,
      g: 'yes',
      h: '52:54:00:12:34:56',
      i: '2020-01-01',
      j: '12:30',
    })
  })

  test('know where they were written', async () => {
    const file = await write('a.yaml', `${vm('a')}---\n${vm('b')}`)

    const sources = (await readManifests([file], false)).map(({ source }) => source)

    expect(sources).toEqual([`${file}, document 1`, `${file}, document 2`])
  })

  test.each([
    ['without apiVersion', 'kind: VirtualMachine\nmetadata: {name: a}', 'apiVersion is missing'],
    ['without kind', 'apiVersion: v1\nmetadata: {name: a}', 'kind is missing'],
    ['without a name', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {}', 'metadata.name is missing'],
    ['that is a list of words', '- a\n- b', 'not an object'],
    ['that is not YAML', 'a: [b', 'Flow sequence'],
    ['with one key twice', 'kind: a\nkind: b', 'unique'],
  ])('refuse a document %s, naming file and document', async (_, text, message) => {
    const file = await write('bad.yaml', `${vm('good')}---\n${text}\n`)

    const reading = readManifests([file], false)

    await expect(reading).rejects.toThrow(`${file}, document 2: `)
    await expect(reading).rejects.toThrow(message)
  })

  test('refuse a file that expands without bound', async () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]']
    for (const [name, of] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg'])
      bomb.push(`${name}: &${name} [*${of},*${of},*${of},*${of},*${of},*${of},*${of},*${of},*${of}]`)
    const file = await write('bomb.yaml', bomb.join('\n'))

    await expect(readManifests([file], false)).rejects.toThrow(/alias/)
  })

  test('refuse a path that does not exist and a directory without any', async () => {
    await expect(readManifests([join(directory, 'no')], false)).rejects.toThrow(
      `the path "${join(directory, 'no')}" does not exist`,
    )
    await expect(readManifests([directory], false)).rejects.toThrow(
      `error reading [${directory}]: recognized file extensions are [.json .yaml .yml]`,
    )
  })
})
