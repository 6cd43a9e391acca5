import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PassThrough, Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { get } from '../../../cli/commands/get.ts'
import { connect } from '../../../cli/connect.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { newestKubectl } from '../../support/kubectls.ts'
import { collect, kvorum, kvorumProcess } from './kvorum.ts'

let server: TestApiServer
let bin: string
let env: Record<string, string>

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'memory', installCrds: 'crds' })
  await kvorum(server.kubeconfigPath, ['apply', '-f', 'manifests/samples'])
  bin = await mkdtemp(join(tmpdir(), 'kvorum-bin-'))
  const cli = (file: string) => fileURLToPath(new URL(`../../../cli/${file}`, import.meta.url))
  await symlink(cli('kubectl-kvorum.mjs'), join(bin, 'kubectl-kvorum'))
  await symlink(cli('kubectl_complete-kvorum.mjs'), join(bin, 'kubectl_complete-kvorum'))
  await symlink(cli('kvorum.mjs'), join(bin, 'kvorum'))
  env = {
    PATH: [bin, process.env['PATH']].join(delimiter),
    HOME: bin,
    KUBECONFIG: server.kubeconfigPath,
    // A machine that runs other tests too may be slow.
    KVORUM_COMPLETION_TIMEOUT: '40s',
  }
}, 120_000)

afterAll(async () => {
  await server.close()
  await rm(bin, { recursive: true })
})

describe('the program', () => {
  test('ends with the code that its help promises', async () => {
    const codes = await Promise.all(
      ['get vm', 'get vm nope', 'auth can-i get vm --as=eve', 'gte vm', '--help', 'get --help'].map(
        async (line) => {
          const { code } = await kvorumProcess('kvorum.mjs', line.split(' '), env)
          return [line, code]
        },
      ),
    )

    expect(Object.fromEntries(codes)).toEqual({
      'get vm': 0,
      'get vm nope': 1,
      'auth can-i get vm --as=eve': 1,
      'gte vm': 1,
      '--help': 0,
      'get --help': 0,
    })
  })

  test('says in one line that no server is there, and what was meant', async () => {
    const refused = await kvorumProcess('kvorum.mjs', ['get', 'vm', '-s', 'https://127.0.0.1:1'], env)
    const typo = await kvorumProcess('kvorum.mjs', ['get', 'vritualmachines'], env)
    const command = await kvorumProcess('kvorum.mjs', ['descirbe', 'vm'], env)

    expect(refused.stderr).toBe(
      'The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n',
    )
    expect(typo.stderr).toContain('did you mean "virtualmachines"?')
    expect(command.stderr).toContain('Did you mean describe?')
  })
})

describe('completion', () => {
  const complete = async (...words: string[]) => {
    const { stdout } = await kvorum(server.kubeconfigPath, ['__complete', ...words], { env })
    return stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t')[0])
  }

  test.each<[string[], string[]]>([
    [['descr'], ['describe', ':4']],
    [
      ['create', 'sec'],
      ['secret', ':4'],
    ],
    [
      ['get', 'virtualmachine'],
      ['virtualmachineinstances', 'virtualmachines', ':4'],
    ],
    [
      ['get', 'vm', ''],
      ['web', ':4'],
    ],
    [['get', 'vm', 'web', ''], [':4']],
    [
      ['get', 'network/'],
      ['network/default', 'network/lan', ':4'],
    ],
    [
      ['describe', 'host', ''],
      ['host-1', ':4'],
    ],
    [
      ['get', 'vm', '-n', 'kube-'],
      ['kube-node-lease', 'kube-public', 'kube-system', ':4'],
    ],
    [['-n', 'kube-system', 'get', 'vm', ''], [':4']],
    [
      ['get', '--output=y'],
      ['--output=yaml', ':4'],
    ],
    [
      ['get', '--show-m'],
      ['--show-managed-fields', ':4'],
    ],
    [['apply', '-f', ''], [':0']],
    [
      ['console', ''],
      ['web', ':4'],
    ],
    [
      ['events', '--for', 'vm/'],
      ['vm/web', ':4'],
    ],
    [
      ['config', 'use-context', ''],
      ['kvorum', ':4'],
    ],
    [['nonsense', ''], [':4']],
  ])('of %j offers %j', async (words, offered) => {
    expect(await complete(...words)).toEqual(offered)
  })

  test('does not wait for a server that does not answer', async () => {
    const silent: Server = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as { port: number }
    try {
      const args = ['__complete', '-s', `https://127.0.0.1:${port}`, 'get', 'vm', '']
      const hurried = { ...env, KVORUM_COMPLETION_TIMEOUT: '500ms' }
      expect(await kvorumProcess('kvorum.mjs', args, hurried)).toEqual({
        code: 0,
        stdout: ':4\n',
        stderr: '',
      })
    } finally {
      silent.close()
    }
  })

  test('works in bash', async () => {
    const script = [
      'source <(kvorum completion bash)',
      'COMP_WORDS=(kvorum get vm w) COMP_CWORD=3',
      '_kvorum_complete',
      'echo "${COMPREPLY[@]}"',
    ]

    expect(await collect('bash', ['-c', script.join('\n')], env)).toMatchObject({ code: 0, stdout: 'web\n' })
  })
})

describe('the plugin of kubectl', () => {
  test('is found, honours its options and speaks of itself as it was called', async () => {
    const listed = await collect('kubectl', ['kvorum', 'get', 'vm', '-o', 'name', '--namespace=default'], env)
    const help = await collect('kubectl', ['kvorum', 'console', '--help'], env)
    const context = await collect('kubectl', ['kvorum', 'console', 'vm/web', '--context=nope'], env)

    expect(listed).toMatchObject({ code: 0, stdout: 'virtualmachine.kvorum.dev/web\n' })
    expect(help.stdout).toContain('kubectl kvorum console vm/web')
    expect(context.stderr).toContain('no context "nope"')
  })

  test('completes inside kubectl', async () => {
    // Plugins complete since kubectl 1.26.
    const { path } = await newestKubectl()
    const { stdout } = await collect(path, ['__complete', 'kvorum', 'console', ''], env)

    expect(stdout).toBe('web\n:4\n')
  })
})

describe('get -w', () => {
  test('shows what is there and what changes, in columns that stay', async () => {
    const stop = new AbortController()
    let printed = ''
    const output = new Writable({
      write(chunk: Buffer, _encoding, done) {
        printed += chunk.toString('utf8')
        done()
      },
    })
    const streams = { input: new PassThrough(), output, errors: output, env }
    const { context } = connect({}, stop.signal, streams)
    const watching = get(context, ['vm', 'web'], { watch: true, headers: true, outputWatchEvents: true })
    const ended = watching.catch((error: Error) => error.name)
    try {
      await expect.poll(() => printed, { timeout: 30_000 }).toMatch(/^ADDED +web/m)
      await kvorum(server.kubeconfigPath, ['label', 'vm', 'web', 'seen=yes'])
      await expect.poll(() => printed, { timeout: 30_000 }).toMatch(/^MODIFIED +web/m)
    } finally {
      stop.abort()
      await ended
      await context.api.close()
    }
    const [head = '', added = '', modified = ''] = printed.split('\n')
    expect(head).toMatch(/^EVENT +NAME/)
    expect(new Set([head.indexOf('NAME'), added.indexOf('web'), modified.indexOf('web')]).size).toBe(1)
  })
})
