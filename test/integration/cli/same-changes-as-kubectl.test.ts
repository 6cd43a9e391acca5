import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { Kubectl } from '../apiserver/kubectl.ts'
import { aWidget, widgetCrd } from '../apiserver/widget.ts'
import { kvorum, normalized } from './kvorum.ts'

let server: TestApiServer
let kubectl: Kubectl
let widget: string

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'memory', installCrds: 'crds' })
  kubectl = new Kubectl(server)
  await kubectl.ok('create', 'namespace', 'ns-theirs')
  await kubectl.ok('create', 'namespace', 'ns-ours')
  await kubectl.ok('create', '-f', kubectl.file('crd.json', widgetCrd))
  await kubectl.ok('wait', '--for=condition=Established', 'crd/widgets.test.example.org')
  widget = kubectl.file('widget.json', aWidget('one'))
}, 120_000)

afterAll(async () => {
  kubectl.close()
  await server.close()
})

/** Each line depends on those before it. `WIDGET` stands for the path of a manifest. */
const lines = [
  'apply -f WIDGET',
  'apply -f WIDGET',
  'apply -f WIDGET --dry-run=server',
  'create -f WIDGET --dry-run=client',
  'replace -f WIDGET',
  'create configmap settings --from-literal=a=b --from-literal=c=d',
  'create secret generic hidden --from-literal=a=b',
  'create serviceaccount robot',
  'create configmap more --from-literal=a=b --dry-run=server',
  'create configmap more --from-literal=a=b --dry-run=client',
  'create configmap more --from-literal=a=b -o name',
  'label wd one a=b',
  'label wd one a=b',
  'label wd one a=c',
  'label wd one a=c --overwrite',
  'label wd one --list',
  'label wd one a-',
  'label cm --all x=y',
  'label cm --all --list',
  'label wd x=y',
  'label wd one',
  'label wd nope a=b',
  'annotate wd one n=1',
  'annotate wd one n=2',
  'annotate wd one n=2 --overwrite',
  'annotate wd one n-',
  'annotate cm -l x=y note=all',
  'patch wd one --type=merge -p {"spec":{"color":"blue"}}',
  'patch wd one --type=merge -p {"spec":{"color":"blue"}}',
  'patch wd one --type=merge -p {"spec":{"color":"pink"}}',
  'patch wd one --type=merge -p {"spec":{"color":"pink","replicas":-1}}',
  'patch wd nope --type=merge -p {}',
  'patch cm settings -p {"data":{"z":"1"}}',
  'patch cm settings -p {"data":{"z":"2"}} -o jsonpath={.data}',
  'patch cm settings --type=json -p [{"op":"remove","path":"/data/z"}]',
  'patch cm settings --type=json -p [{"op":"remove","path":"/data/nope"}]',
  'patch cm settings',
  'patch wd one --subresource=status --type=merge -p {"status":{"conditions":[{"type":"Ready","status":"True"}]}}',
  'scale wd one --replicas=3',
  'scale wd one --replicas=4 --current-replicas=9',
  'wait wd/one --for=condition=Ready --timeout=20s',
  'wait wd/one --for=condition=Missing --timeout=1s',
  'wait wd/one --for=jsonpath={.spec.color}=blue --timeout=20s',
  'wait wd --all --for=jsonpath={.spec.replicas}=3 --timeout=20s',
  'wait wd/nope --for=condition=Ready --timeout=1s',
  'wait wd/nope --for=delete --timeout=1s',
  'delete cm settings --dry-run=server',
  'delete cm settings --dry-run=client',
  'delete cm settings -o name',
  'delete cm settings',
  'delete cm settings --ignore-not-found',
  'delete cm',
  'delete cm -l nothing=here',
  'delete sa/robot secret/hidden',
  'delete sa/robot secret/hidden',
  'delete wd one --wait=false',
  'delete -f WIDGET',
  'delete cm --all',
  'apply -f /nothing.yaml',
]

test.each(lines.map((line) => [line]))('%s', async (line) => {
  const args = line.split(' ').map((word) => (word === 'WIDGET' ? widget : word))
  const [theirs, ours] = await Promise.all([
    kubectl.run(['--namespace=ns-theirs', ...args]),
    kvorum(server.kubeconfigPath, ['--namespace=ns-ours', ...args]),
  ])
  expect(normalized(ours, 'ns-ours')).toEqual(normalized(theirs, 'ns-theirs'))
})

test('a set of kubectl has the same id, and is left to kubectl', async () => {
  const words = ['apply', '--prune', '--applyset=site', '-f', widget]
  const env = { KUBECTL_APPLYSET: 'true' }
  const theirs = await kubectl.run([...words, '--server-side', '--namespace=ns-ours'], { env })
  expect(theirs).toMatchObject({ code: 0 })
  const id = () => kubectl.ok('get', 'secret', 'site', '-n', 'ns-ours', '-o', 'jsonpath={.metadata.labels}')
  const made = await id()

  const refused = await kvorum(server.kubeconfigPath, [...words, '--namespace=ns-ours'])
  expect(refused.stderr).toMatch(/^error: apply set parent secrets\/site is managed by kubectl/)

  await kubectl.ok('delete', 'secret', 'site', '-n', 'ns-ours')
  const ours = await kvorum(server.kubeconfigPath, [...words, '--force-conflicts', '--namespace=ns-ours'])
  expect(ours).toMatchObject({ code: 0 })
  expect(await id()).toBe(made)
})
