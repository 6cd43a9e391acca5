import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { Kubectl } from '../apiserver/kubectl.ts'
import { aWidget, widgetCrd } from '../apiserver/widget.ts'
import { kvorum, normalized } from './kvorum.ts'

let server: TestApiServer
let kubectl: Kubectl

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'memory', installCrds: 'crds' })
  kubectl = new Kubectl(server)
  await kubectl.ok('apply', '-f', 'manifests/samples', '-f', 'manifests/quickstart')
  await kubectl.ok('create', '-f', kubectl.file('crd.json', widgetCrd))
  await kubectl.ok('wait', '--for=condition=Established', 'crd/widgets.test.example.org')
  await kubectl.ok('create', '-f', kubectl.file('widget.json', aWidget('one', { parts: [{ name: 'lid' }] })))
  await kubectl.ok('create', 'configmap', 'texts', ...textArguments())
  // kubectl describes the keys of larger ones in any order.
  await kubectl.ok('create', 'configmap', 'one', '--from-literal=key=two\nlines')
  await kubectl.ok('create', 'secret', 'generic', 'hidden', '--from-literal=password=hunter2')
  await kubectl.ok('create', 'serviceaccount', 'robot')
  await kubectl.ok('create', 'role', 'reader', '--verb=get,list', '--resource=configmaps,hosts.kvorum.dev')
  await kubectl.ok('create', 'rolebinding', 'reads', '--role=reader', '--user=eve')
  await kubectl.ok('label', 'vm', 'hello', 'tier=front')
  await kubectl.ok('create', '-f', kubectl.file('event.json', anEvent('hello', 'Started', 1)))
  await kubectl.ok('create', '-f', kubectl.file('event.json', anEvent('web', 'Crashed', 3)))
}, 120_000)

afterAll(async () => {
  kubectl.close()
  await server.close()
})

/** Everything that YAML would take for something else, and what is too long for a line. */
function textArguments(): string[] {
  const words =
    'a sentence that is so long that it has to go on in the next line, and then in another one, and so on'
  const values = [
    'yes',
    'no',
    '1',
    '0x1F',
    '1e3',
    '12:30',
    '2020-01-01',
    'null',
    '~',
    '*a',
    '- a',
    'a: b',
    'a #b',
  ]
  values.push(
    '',
    ' ',
    'two\nlines',
    'two\nlines\n',
    ' indented\n',
    'trailing \nspace',
    'a\tb',
    "it's",
    '"',
    'grün',
    '[a]',
  )
  values.push(words, `${words}: ${words}`, `${words}\t${words}`)
  return values.map((value, at) => `--from-literal=k${at}=${value}`)
}

function anEvent(machine: string, reason: string, count: number): object {
  const time = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString().replace('.000Z', 'Z')
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${machine}.1`, namespace: 'default' },
    involvedObject: {
      apiVersion: 'kvorum.dev/v1alpha1',
      kind: 'VirtualMachine',
      name: machine,
      namespace: 'default',
    },
    reason,
    message: `${machine}: ${reason}`,
    type: count > 1 ? 'Warning' : 'Normal',
    count,
    firstTimestamp: time,
    lastTimestamp: time,
    source: { component: 'test' },
  }
}

/** The same words to both, which must say the same and end the same. */
async function expectSame(args: readonly string[]): Promise<void> {
  const [theirs, ours] = await Promise.all([kubectl.run(args), kvorum(server.kubeconfigPath, args)])
  expect(normalized(ours)).toEqual(normalized(theirs))
}

const range = '{range .items[*]}{.metadata.name}{"\\t"}{.spec.power}{"\\n"}{end}'

describe('get', () => {
  test.each(
    [
      'vm',
      'vm,disk -o wide',
      'vm hello',
      'vm hello web',
      'vm/hello disk/data',
      'vm nope',
      'vm hello nope',
      'vm nope --ignore-not-found',
      'vm -n other',
      'vm -A',
      'host -A',
      'kvorum',
      'all',
      'wd -o wide',
      'cm,vm -A --show-labels',
      'vm -L tier,x/missing',
      'vm --show-kind',
      'ns --no-headers',
      'secrets,role,rolebinding,sa',
      'clusterroles --chunk-size=2',
      'clusterroles --sort-by=.metadata.uid',
      'vm -l tier=front',
      'vm -l tier=back',
      'host -l tier=back',
      'vm --field-selector metadata.name=hello -o name',
      'events',
      'vm hello --subresource=status -o name',
      'widget one --subresource=scale -o jsonpath={.spec}',
      '-f manifests/quickstart',
      '-f manifests/nothing',
      'nothing',
      'vm -A hello',
      'vm hello -l a=b',
      '--raw /readyz',
      'vm --as eve',
    ].map((line) => [line]),
  )('%s', (line) => expectSame(['get', ...line.split(' ')]))

  test.each([
    [['vm', '-o', 'name']],
    [['vm/hello', 'disk/data', '-o', 'name']],
    [['vm', 'hello', '-o', 'yaml']],
    [['vm', '-o', 'yaml']],
    [['vm', '-o', 'json']],
    [['vm', 'hello', '-o', 'json', '--show-managed-fields']],
    [['vm', 'hello', '-o', 'yaml', '--show-managed-fields']],
    [['vm', '-l', 'a=b', '-o', 'yaml']],
    [['cm', 'texts', '-o', 'yaml']],
    [['cm', 'texts', '-o', 'json']],
    [['crd', '-o', 'yaml']],
    [['clusterroles', '-o', 'yaml']],
    [['vm', '-o', 'jsonpath={.items[*].metadata.name}']],
    [['vm', '-o', `jsonpath=${range}`]],
    [['vm', 'hello', '-o', 'jsonpath={.spec} {.metadata.generation} {.spec.disks[?(@.bus=="virtio")].name}']],
    [['vm', 'hello', '-o', "jsonpath={.metadata['name','namespace']} {.kind}"]],
    [['vm', '-o', 'custom-columns=NAME:.metadata.name,DISKS:.spec.disks[*].name,NONE:.spec.nope']],
    [['vm', '-o', 'custom-columns=N:.metadata.name,S:.spec.memory', '--no-headers']],
  ])('%j', (args) => expectSame(['get', ...args]))

  test('refuses an index beyond the end of a list', async () => {
    const args = ['get', 'vm', '-o', 'jsonpath={.items[5].kind}']
    // kubectl goes on to print the whole object.
    const [theirs, ours] = await Promise.all([kubectl.run(args), kvorum(server.kubeconfigPath, args)])
    expect([ours.code, ours.stdout]).toEqual([theirs.code, ''])
    expect(ours.stderr).toContain('array index out of bounds: index 5')
  })
})

describe('describe, events, explain', () => {
  test.each(
    [
      'describe vm hello',
      'describe vm',
      'describe vm hel',
      'describe vm nope',
      'describe vm -n other',
      'describe vm/hello disk/data',
      'describe wd/one',
      'describe host',
      'describe cm/one',
      'describe secret/hidden',
      'describe sa/robot',
      'describe role/reader',
      'describe rolebinding/reads',
      'describe clusterrole admin',
      'describe clusterrole system:discovery',
      'describe crd disks.kvorum.dev',
      'events',
      'events -A',
      'events --for vm/hello',
      'events --types=Warning',
      'events -n other',
      'explain vm',
      'explain vm.spec.disks',
      'explain vm.spec.power',
      'explain vm --recursive',
      'explain vm.metadata.ownerReferences',
      'explain cm.data',
      'explain widget.spec.color',
    ].map((line) => [line]),
  )('%s', (line) => expectSame(line.split(' ')))
})

describe('what the server offers and allows', () => {
  test.each(
    [
      'api-resources',
      'api-resources -o wide',
      'api-resources --api-group=kvorum.dev --no-headers',
      'api-resources --namespaced=false --verbs=list -o name',
      'api-resources --categories=kvorum --sort-by=kind',
      'api-versions',
      'auth whoami',
      'auth can-i --list --as=eve',
      'auth can-i create vm',
      'auth can-i get pods',
      'auth can-i get vm/web --as=eve',
      'auth can-i get host --as=eve',
      'auth can-i get /healthz',
      'auth can-i frob vm -q',
      'auth can-i get vmi --subresource=console',
      'config view',
      'config get-contexts',
      'config get-contexts -o name',
      'config get-contexts nope',
      'config current-context',
      'config use-context nope',
    ].map((line) => [line]),
  )('%s', (line) => expectSame(line.split(' ')))
})
