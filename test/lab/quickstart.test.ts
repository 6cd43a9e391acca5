import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { KvorumSystem } from '../support/kvorum-system.ts'
import { until } from '../support/kvorum-system-until.ts'
import { useKvorum } from '../support/kvorum-system-use.ts'

const manifests = fileURLToPath(new URL('../../manifests/quickstart/', import.meta.url))
const kvorumScript = fileURLToPath(new URL('../../cli/kvorum.mjs', import.meta.url))

let system: KvorumSystem
useKvorum((started) => (system = started))

describe('the five-minute tour', () => {
  test('kubectl apply brings the machine up, and kubectl get -w shows it come', async () => {
    const watch = follow(['kubectl', ...system.kubeconfigFlags, 'get', 'vm', '--watch'])

    const applied = await system.kubectl('apply', '-f', manifests)
    await system.wait('condition=Ready', 'vm/hello')

    expect(applied.trim().split('\n')).toEqual([
      'hostcluster.kvorum.dev/default created',
      'storagedomain.kvorum.dev/default created',
      'network.kvorum.dev/default created',
      'image.kvorum.dev/quickstart created',
      'virtualmachine.kvorum.dev/hello created',
    ])
    const ready = await until(
      () => /^hello +Running +True +host-1 +10\.80\.0\.\d+ /m.exec(watch.output()),
      'kubectl get vm --watch to show the machine ready',
    )
    watch.end()
    const before = watch.output().slice(0, ready.index)
    expect(before).toMatch(/^NAME +PHASE +READY +HOST +IP +AGE$/m)
    // It was neither running nor ready from the start, and runs before it is ready.
    expect(before).toMatch(/^hello +(Pending|Scheduling|Starting) +False /m)
    expect(before).toMatch(/^hello +Running +False +host-1 /m)
  })

  test('kubectl get -o wide shows the host and the address that the guest agent reports', async () => {
    const [header = '', row = ''] = (await system.kubectl('get', 'vm', '-o', 'wide')).split('\n')

    const columns = header.trim().split(/\s{2,}/)
    const cells = row.trim().split(/\s{2,}/)
    expect(columns).toEqual([
      'NAME',
      'PHASE',
      'READY',
      'HOST',
      'IP',
      'AGE',
      'POWER',
      'MEMORY',
      'REASON',
      'GUEST',
    ])
    const shown = Object.fromEntries(columns.map((column, at) => [column, cells[at]]))
    expect(shown).toMatchObject({
      NAME: 'hello',
      PHASE: 'Running',
      READY: 'True',
      HOST: 'host-1',
      POWER: 'Running',
      MEMORY: '128Mi',
      REASON: 'Running',
      GUEST: 'Kvorum quickstart 1',
    })
    const inside = await system.inGuest('hello', '/bin/sh', '-c', 'ip -4 -o addr show dev eth0')
    expect(/inet ([\d.]+)/.exec(inside)?.[1]).toBe(shown['IP'])
  })

  test('the host pings the address of the machine', async () => {
    const { status } = await system.get('vm/hello')

    const ping = await system.host.exec(['busybox', 'ping', '-c', '1', '-W', '10', status?.ipAddress ?? ''])

    expect(ping.stdout).toContain('1 packets received')
  })

  test('kvorum console gives a shell, and Ctrl-] leaves it', async () => {
    const console = follow(['script', '-qefc', 'exec "$NODE" "$KVORUM" console vm/hello', '/dev/null'], {
      NODE: process.execPath,
      KVORUM: kvorumScript,
      KUBECONFIG: system.kubeconfig,
    })
    await until(() => console.output().includes('Connected to hello'), 'the console to connect')

    console.type('\r')
    await until(() => /[#$] /.test(console.output()), 'the prompt')
    console.type('echo $((6*7))\r')
    await until(() => /^42\r?$/m.test(console.output()), 'the answer on the console')
    console.type('\u001d')

    expect(await console.ended).toBe(0)
  })

  test('kvorum console takes what is piped into it', async () => {
    const console = follow([process.execPath, kvorumScript, 'console', 'vm/hello'], {
      KUBECONFIG: system.kubeconfig,
    })

    console.type('echo $((7*13))\n')
    await until(() => /^91\r?$/m.test(console.output()), 'the answer on the console')
    console.type('\u001d')

    expect(await console.ended).toBe(0)
  })

  test.each(['kubectl', 'kvorum'] as const)('%s describe tells the story', async (program) => {
    const text = await system[program]('describe', 'vm', 'hello')

    for (const type of ['Ready', 'DisksReady', 'NetworksReady', 'Scheduled'])
      expect(text).toMatch(new RegExp(`Type: +${type}$`, 'm'))
    const story = text.slice(text.indexOf('Events:'))
    const told = [...story.matchAll(/^ +(?:Normal|Warning) +(\w+) /gm)].map(([, reason]) => reason)
    expect(told).toEqual(expect.arrayContaining(['Created', 'HostAssigned', 'Started']))
  })

  test('kubectl explain explains a field', async () => {
    const text = await system.kubectl('explain', 'vm.spec.disks')

    // Older kubectls lay it out in another way.
    expect(text).toMatch(/^(GROUP|VERSION): +kvorum\.dev/m)
    expect(text).toMatch(/^KIND: +VirtualMachine/m)
    expect(text).toMatch(/^(FIELD|RESOURCE): disks <\[\]Object>/m)
    expect(text).toMatch(/bootOrder\s+<integer>\n\s+Place in the boot order/)
    expect(text).toMatch(/name\s+<string> -required-/)
  })

  test('kvorum get prints what kubectl get prints', async () => {
    const withoutAge = (text: string) => text.replaceAll(/\b(\d+[smh])+\b/g, 'AGE').replaceAll(/ +/g, ' ')

    const [kubectl, kvorum] = [await system.kubectl('get', 'vm'), await system.kvorum('get', 'vm')]

    expect(withoutAge(kvorum)).toBe(withoutAge(kubectl))
  })

  test('applying the same files twice more changes nothing', async () => {
    const before = await versions()

    // kubectl says `configured` of lists whose items got defaults, although nothing comes of it: versions tell.
    for (let time = 0; time < 2; time++) await system.kubectl('apply', '-f', manifests)

    expect(await versions()).toEqual(before)
  })
})

/** Generation and resource version of everything in the manifests. Hosts report free space now and then: not theirs. */
async function versions(): Promise<string[]> {
  const fields =
    '{range .items[*]}{.kind}/{.metadata.name} {.metadata.generation} {.metadata.resourceVersion}{"\\n"}{end}'
  return (await system.kubectl('get', 'hc,net,img,vm', '-A', '-o', `jsonpath=${fields}`)).trim().split('\n')
}

/** Runs a program inside the host for as long as the test wants it. */
function follow(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const [file, ...args] = system.host.command(['env', ...settings, ...argv])
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  return {
    output: () => output,
    type: (text: string) => child.stdin.write(text),
    end: () => child.kill('SIGKILL'),
    ended: new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code))),
  }
}
