import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { aWidget, widgetCrd } from '../apiserver/widget.ts'
import { kvorum, type Result, type RunOptions } from './kvorum.ts'

let server: TestApiServer
let directory: string

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'memory', installCrds: 'crds' })
}, 120_000)
afterAll(() => server.close())
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-cli-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const run = (line: string, options?: RunOptions) => kvorum(server.kubeconfigPath, line.split(' '), options)

async function ok(line: string, options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(line, options)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.trim()
}

async function file(name: string, ...objects: readonly object[]): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, objects.map((object) => stringify(object)).join('---\n'))
  return path
}

const configMap = (name: string, data: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
})

describe('apply', () => {
  test('brings a definition, a namespace and what needs them in one go, in any order', async () => {
    const widget = { ...aWidget('first'), metadata: { name: 'first', namespace: 'fresh' } }
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fresh', labels: { a: 'b' } } }
    const path = await file('all.yaml', widget, namespace, widgetCrd)

    expect((await ok(`apply -f ${path}`)).split('\n')).toEqual([
      'customresourcedefinition.apiextensions.k8s.io/widgets.test.example.org created',
      'namespace/fresh created',
      'widget.test.example.org/first created',
    ])
    expect(await ok(`apply -f ${path}`)).toMatch(/^(?:\S+ unchanged\n?){3}$/)
  })

  test('goes on after a refusal, names the fields and fails', async () => {
    const wrong = { ...configMap('wrong'), dota: { a: '1' } }
    const path = await file('two.yaml', wrong, configMap('right', { a: '1' }))

    const strict = await run(`apply -f ${path}`)

    expect([strict.code, strict.stdout]).toEqual([1, 'configmap/right created\n'])
    expect(strict.stderr).toContain('dota')
    const other = await file('other.yaml', { ...wrong, metadata: { name: 'other' } })
    expect(await run(`create -f ${other} --validate=warn`)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Warning: unknown field "dota"') as string,
    })
  })

  test('says who has a field that is wanted too, and takes it over when told so', async () => {
    await ok(`apply -f ${await file('mine.yaml', configMap('shared', { x: '1' }))}`)
    const theirs = await file('theirs.yaml', configMap('shared', { x: '2' }))

    const refused = await run(`apply -f ${theirs} --field-manager=other`)

    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('Error from server (Conflict): Apply failed with 1 conflict')
    expect(refused.stderr).toContain('.data.x: managed by "kvorum"')
    expect(refused.stderr).toContain('--force-conflicts')
    await ok(`apply -f ${theirs} --field-manager=other --force-conflicts`)
    expect(await ok('get cm shared -o jsonpath={.data.x}')).toBe('2')
  })

  test('from standard input; a dry run keeps nothing', async () => {
    const input = stringify(configMap('piped', { a: '1' }))

    for (const [where, said] of [
      ['server', 'configmap/piped created (server dry run)'],
      ['client', 'configmap/piped created (dry run)'],
    ]) {
      expect(await ok(`apply -f - --dry-run=${where}`, { input })).toBe(said)
    }

    expect((await run('get cm piped')).code).toBe(1)
    expect(await ok('apply -f - -o jsonpath={.data}', { input })).toBe('{"a":"1"}')
  })

  test('of a set deletes what is no longer in it, and nothing else', async () => {
    await ok(`apply -f ${await file('bystander.yaml', configMap('bystander'))}`)
    const set = join(directory, 'set')
    await mkdir(set)
    for (const name of ['one', 'two']) await writeFile(join(set, `${name}.yaml`), stringify(configMap(name)))
    await ok(`apply -f ${set} --prune --applyset=site`)
    await rm(join(set, 'two.yaml'))

    expect(await ok(`apply -f ${set} --prune --applyset=site --dry-run=server`)).toBe(
      'configmap/one unchanged (server dry run)\nconfigmap/two pruned (server dry run)',
    )
    expect(await ok(`apply -f ${set} --prune --applyset=site`)).toBe(
      'configmap/one unchanged\nconfigmap/two pruned',
    )

    expect(await ok('get cm -l applyset.kubernetes.io/part-of -o name')).toBe('configmap/one')
    await ok('get cm bystander')
    const kinds = await ok(
      String.raw`get secret site -o jsonpath={.metadata.annotations.applyset\.kubernetes\.io/contains-group-kinds}`,
    )
    expect(kinds).toBe('ConfigMap')
  })

  test('of a set refuses a parent that is something else, and members of another set', async () => {
    await ok('create secret generic taken --from-literal=a=b')
    const path = await file('member.yaml', configMap('member'))
    await ok(`apply -f ${path} --prune --applyset=first`)

    expect((await run(`apply -f ${path} --prune --applyset=taken`)).stderr).toContain('has no label')
    expect((await run(`apply -f ${path} --prune --applyset=second`)).stderr).toContain(
      'belongs to another apply set',
    )
  })

  test('prunes by label what this manager has applied', async () => {
    const labels = { labels: { app: 'pruned' } }
    const kept = await file('kept.yaml', configMap('kept', {}, labels))
    await ok(`apply -f ${kept} -f ${await file('gone.yaml', configMap('gone', {}, labels))}`)
    await ok('create cm by-hand --from-literal=a=b')
    await ok('label cm by-hand app=pruned')

    expect(await ok(`apply -f ${kept} --prune -l app=pruned`)).toBe(
      'configmap/kept unchanged\nconfigmap/gone pruned',
    )

    await ok('get cm by-hand')
  })
})

describe('kustomize', () => {
  test('builds with the program that is there', async () => {
    const bin = join(directory, 'bin')
    await mkdir(bin)
    const script = '#!/bin/sh\n[ "$1 $2" = "build ./-odd dir" ] && cat "$2/out.yaml"\n'
    await writeFile(join(bin, 'kustomize'), script)
    await chmod(join(bin, 'kustomize'), 0o755)
    await mkdir(join(directory, '-odd dir'))
    await writeFile(join(directory, '-odd dir', 'out.yaml'), stringify(configMap('built')))
    const before = process.cwd()
    process.chdir(directory)
    try {
      const env = { PATH: `${bin}:/usr/bin:/bin` }
      const result = await kvorum(server.kubeconfigPath, ['apply', '-k', '-odd dir'], { env })
      expect(result).toEqual({ code: 0, stdout: 'configmap/built created\n', stderr: '' })
    } finally {
      process.chdir(before)
    }
  })

  test('says what is missing when no program is', async () => {
    const result = await run(`apply -k ${directory}`, { env: { PATH: directory } })

    expect(result).toMatchObject({
      code: 1,
      stderr: 'error: -k needs the program kustomize or kubectl, and neither was found in PATH\n',
    })
  })
})

describe('diff', () => {
  test('shows what would change with exit code 1, nothing with 0, and failures with more', async () => {
    const path = await file('diff.yaml', configMap('differs', { a: '1' }))
    await ok(`apply -f ${path}`)
    expect(await run(`diff -f ${path}`)).toEqual({ code: 0, stdout: '', stderr: '' })
    await file('diff.yaml', configMap('differs', { a: '2' }))

    const changed = await run(`diff -f ${path}`)

    expect(changed.code).toBe(1)
    expect(changed.stdout).toContain('-  a: "1"\n+  a: "2"\n')
    expect((await run(`diff -f ${directory}/nothing.yaml`)).code).toBeGreaterThan(1)
    expect(await ok('get cm differs -o jsonpath={.data.a}')).toBe('1')
  })

  test('hides what Secrets hold', async () => {
    const secret = (password: string) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'masked' },
      stringData: { password, same: 'unchanged-value' },
    })
    await ok(`apply -f ${await file('secret.yaml', secret('first-value'))}`)

    const { code, stdout } = await run(`diff -f ${await file('secret.yaml', secret('other-value'))}`)

    expect(code).toBe(1)
    expect(stdout).toContain("-  password: '*** (before)'\n+  password: '*** (after)'")
    for (const value of ['first-value', 'other-value', 'unchanged-value']) {
      expect(stdout).not.toContain(value)
      expect(stdout).not.toContain(Buffer.from(value).toString('base64'))
    }
  })

  test('uses the program of KUBECTL_EXTERNAL_DIFF', async () => {
    const path = await file('new.yaml', configMap('not-there'))
    const script = join(directory, 'differ')
    await writeFile(script, '#!/bin/sh\necho "$1" && ls "$3"\nexit 1\n')
    await chmod(script, 0o755)

    const env = { KUBECTL_EXTERNAL_DIFF: `${script} --brief $(evil)` }
    expect(await run(`diff -f ${path}`, { env })).toEqual({
      code: 1,
      stdout: '--brief\nv1.ConfigMap.default.not-there\n',
      stderr: '',
    })
  })
})

describe('edit', () => {
  /** An editor that runs one sed script on the file each time it is opened. */
  async function editor(script: string): Promise<RunOptions> {
    const path = join(directory, 'editor')
    await writeFile(path, `#!/bin/sh\ncp "$1" ${directory}/seen\nsed -i '${script}' "$1"\n`)
    await chmod(path, 0o755)
    return { env: { KUBE_EDITOR: path } }
  }

  const edit = async (name: string, script: string): Promise<Result> =>
    run(`edit cm ${name}`, await editor(script))

  test('stores what was changed, and only that', async () => {
    await ok('create cm edited --from-literal=a=1 --from-literal=b=1')

    expect(await edit('edited', 's/a: "1"/a: "2"/; /^  b:/d')).toMatchObject({
      code: 0,
      stdout: 'configmap/edited edited\n',
    })

    expect(await ok('get cm edited -o jsonpath={.data}')).toBe('{"a":"2"}')
  })

  test('left as it was changes nothing', async () => {
    await ok('create cm untouched --from-literal=a=1')

    expect(await edit('untouched', 's/x/x/')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'Edit cancelled, no changes made.\n',
    })
  })

  test('opens again with what is wrong, and keeps the work of who gives up', async () => {
    await ok('create cm broken --from-literal=a=1')

    const { code, stderr } = await edit('broken', 's/^data:/dota:/')

    expect(code).toBe(1)
    expect(await readFile(join(directory, 'seen'), 'utf8')).toMatch(/^# .*unknown field "dota"/m)
    const [, kept = ''] = /stored to "(.*)"/.exec(stderr) ?? []
    expect(await readFile(kept, 'utf8')).toContain('dota:')
    await rm(join(kept, '..'), { recursive: true })
    expect(await ok('get cm broken -o jsonpath={.data.a}')).toBe('1')
  })

  test('does not rename', async () => {
    await ok('create cm named --from-literal=a=1')

    const { code, stderr } = await edit('named', 's/name: named/name: other/')

    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot be changed')])
    const [, kept = ''] = /stored to "(.*)"/.exec(stderr) ?? []
    await rm(join(kept, '..'), { recursive: true })
  })
})

describe('create and replace', () => {
  test('from files, an environment file and a certificate', async () => {
    await writeFile(join(directory, 'plain'), 'text')
    await writeFile(join(directory, 'binary'), Buffer.from([0xff, 0xfe]))
    await writeFile(join(directory, 'env'), '# comment\nA=1\nB=two words\n')

    await ok(`create cm files --from-file=${directory}/plain --from-file=named=${directory}/binary`)
    await ok(`create cm env --from-env-file=${directory}/env`)
    await ok(`create secret tls pair --cert=${directory}/plain --key=${directory}/plain`)

    expect(await ok('get cm files -o jsonpath={.data}{.binaryData}')).toBe('{"plain":"text"}{"named":"//4="}')
    expect(await ok('get cm env -o jsonpath={.data}')).toBe('{"A":"1","B":"two words"}')
    expect(await ok('get secret pair -o jsonpath={.type}')).toBe('kubernetes.io/tls')
  })

  test('with a name that the server makes up', async () => {
    const input = stringify({ ...configMap('x'), metadata: { generateName: 'made-' } })

    expect(await ok('create -f -', { input })).toMatch(/^configmap\/made-\w+ created$/)
    expect((await run('apply -f -', { input })).stderr).toContain('generateName is for create')
  })

  test('replace leaves nothing of what was there', async () => {
    await ok('create cm replaced --from-literal=old=1')

    await ok(`replace -f ${await file('new.yaml', configMap('replaced', { now: '1' }))}`)

    expect(await ok('get cm replaced -o jsonpath={.data}')).toBe('{"now":"1"}')
  })
})

describe('config', () => {
  test('chooses a context and a namespace, and keeps what is written beside it', async () => {
    const path = join(directory, 'config')
    const original = await readFile(server.kubeconfigPath, 'utf8')
    await writeFile(path, `# mine\n${original}`, { mode: 0o600 })
    const name = (await ok('config current-context')).trim()
    const mine = (line: string) => kvorum(path, line.split(' '))

    expect((await mine('config set-context --current --namespace=kube-system')).stdout).toBe(
      `Context "${name}" modified.\n`,
    )
    expect((await mine(`config use-context ${name}`)).stdout).toBe(`Switched to context "${name}".\n`)

    expect((await mine('get vm')).stderr).toBe('No resources found in kube-system namespace.\n')
    expect(await readFile(path, 'utf8')).toContain('# mine')
    expect((await readdir(directory)).filter((one) => one.endsWith('.tmp'))).toEqual([])
  })

  test('never shows keys unless asked to', async () => {
    expect(await ok('config view')).not.toMatch(/LS0t/)
    expect(await ok('config view --raw --minify')).toMatch(/LS0t/)
  })
})
