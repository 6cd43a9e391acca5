import type { TourCase } from '../tour.ts'
import { configMap, sedEditor } from './manifests.ts'

const jsonPatch = (...operations: readonly object[]) => JSON.stringify(operations)

export const editing: readonly TourCase[] = [
  { run: 'label cm app tier=front', out: 'configmap/app labeled' },
  { run: 'label cm app tier=front --overwrite', out: /^configmap\/app not labeled$/m },
  {
    run: 'label cm app tier=back',
    code: 1,
    err: `error: 'tier' already has a value (front), and --overwrite is false`,
  },
  { run: 'label cm app tier=back --overwrite', out: 'configmap/app labeled' },
  { run: 'label cm app --list', out: 'tier=back' },
  { run: 'label cm app tier-', out: /configmap\/app (labeled|unlabeled)/ },
  { run: 'label cm --all swept=yes', out: /configmap\/app labeled/ },
  { run: 'label cm -l app=shop swept-', out: /configmap\/shop-a (labeled|unlabeled)/ },
  { run: 'label cm app more=1 --dry-run=server', out: /^configmap\/app labeled/ },
  {
    run: 'label cm app more=1 --resource-version=1',
    code: 1,
    err: /the object has been modified; please apply your changes to the latest version/,
  },
  { run: 'label ns team owner=us', out: 'namespace/team labeled' },
  { run: 'annotate cm app note=hello other=there', out: /configmap\/app annotate/ },
  {
    run: 'annotate cm app note=again',
    code: 1,
    err: /--overwrite is false but found the following declared annotation\(s\): 'note' already has a value \(hello\)/,
  },
  { run: 'annotate --overwrite cm app note=again', out: /configmap\/app annotate/ },
  { run: 'annotate cm app other-', out: /configmap\/app annotate/ },
  { run: 'get cm app -o jsonpath={.metadata.annotations}', out: '{"note":"again"}' },
  { run: ['patch', 'cm', 'app', '-p', '{"data":{"c":"3","a":null}}'], out: 'configmap/app patched' },
  { run: ['patch', 'cm', 'app', '-p', '{"data":{"c":"3"}}'], out: 'configmap/app patched (no change)' },
  { run: ['patch', 'cm', 'app', '--type=strategic', '-p', 'data: {d: "4"}'], out: 'configmap/app patched' },
  {
    run: ['patch', 'cm', 'app', '--type=merge', '-p', '{"data":{"d":null,"e":"5"}}'],
    out: 'configmap/app patched',
  },
  {
    run: [
      'patch',
      'cm',
      'app',
      '--type=json',
      '-p',
      jsonPatch({ op: 'replace', path: '/data/e', value: '6' }, { op: 'remove', path: '/data/c' }),
    ],
    out: 'configmap/app patched',
  },
  {
    run: 'patch cm app --type=merge --patch-file patch.yaml',
    since: 21,
    files: { 'patch.yaml': 'data:\n  f: "7"\n' },
    out: 'configmap/app patched',
  },
  { run: 'get cm app -o jsonpath={.data}', before: 21, out: '{"b":"two","e":"6"}' },
  { run: 'get cm app -o jsonpath={.data}', since: 21, out: '{"b":"two","e":"6","f":"7"}' },
  {
    run: ['patch', 'cm', 'app', '--type=json', '-p', jsonPatch({ op: 'test', path: '/data/e', value: 'no' })],
    code: 1,
    err: /the server rejected our request due to an error in our request|testing (value|path) .*failed/,
  },
  {
    run: ['patch', 'cm', 'app', '--type=json', '-p', jsonPatch({ op: 'remove', path: '/data/none' })],
    code: 1,
    err: /The request is invalid: .*(the server rejected our request due to an error in our request|remove operation does not apply)/,
  },
  { run: ['patch', 'cm', 'app', '--type=merge', '-p', '{"data":7}'], code: 1, err: /./ },
  {
    run: ['patch', 'cm', 'app', '-p', '{"metadata":{"name":"other"}}'],
    code: 1,
    err: /the name of the object \(other\) does not match the name on the URL|metadata\.name: Invalid value: "other": field is immutable/,
  },
  {
    run: ['patch', 'cm', 'nope', '-p', '{}'],
    code: 1,
    err: 'Error from server (NotFound): configmaps "nope" not found',
  },
  {
    run: ['patch', 'cm', 'app', '--dry-run=server', '-p', '{"data":{"b":"dry"}}', '-o', 'jsonpath={.data.b}'],
    out: 'dry',
  },
  {
    run: ['patch', 'sa', 'robot', '-p', '{"secrets":[{"name":"one"}]}'],
    out: 'serviceaccount/robot patched',
  },
  {
    run: ['patch', 'sa', 'robot', '-p', '{"secrets":[{"name":"two"}]}'],
    out: 'serviceaccount/robot patched',
  },
  { run: 'get sa robot -o jsonpath={.secrets[*].name}', out: 'two one' },
  {
    run: ['patch', 'sa', 'robot', '-p', '{"secrets":[{"$patch":"delete","name":"one"}]}'],
    out: 'serviceaccount/robot patched',
  },
  { run: 'get sa robot -o jsonpath={.secrets[*].name}', out: 'two' },
  {
    run: ['patch', 'sa', 'robot', '-p', '{"secrets":[{"$patch":"replace"}]}'],
    out: 'serviceaccount/robot patched',
  },
  { run: 'get sa robot -o jsonpath={.secrets}', out: '' },
  {
    run: 'edit cm app',
    files: { 'editor.sh': sedEditor('s/b: two/b: edited/') },
    env: { EDITOR: 'sh editor.sh' },
    out: 'configmap/app edited',
  },
  { run: 'edit cm app', env: { EDITOR: 'true' }, err: 'Edit cancelled, no changes made.' },
  {
    run: 'edit cm/app -o json',
    files: { 'editor.sh': sedEditor('s/"edited"/"json"/') },
    env: { KUBE_EDITOR: 'sh editor.sh' },
    out: /"b": "json"/,
  },
  { run: 'get cm app -o jsonpath={.data.b}', out: 'json' },
  {
    run: 'edit role reader',
    files: { 'editor.sh': sedEditor('s/- list/- watch/') },
    env: { EDITOR: 'sh editor.sh' },
    out: 'role.rbac.authorization.k8s.io/reader edited',
  },
  { run: 'get role reader -o jsonpath={.rules[0].verbs}', out: '["get","watch"]' },
  {
    run: 'replace -f cm.json',
    files: { 'cm.json': configMap('from-file', { a: '2' }) },
    out: 'configmap/from-file replaced',
  },
  {
    run: 'replace -f cm.json -o jsonpath={.data.a}',
    files: { 'cm.json': configMap('from-file', { a: '3' }) },
    out: '3',
  },
  {
    run: 'replace -f -',
    input: configMap('nope', {}),
    code: 1,
    err: 'Error from server (NotFound): error when replacing "STDIN": configmaps "nope" not found',
  },
  {
    run: 'replace -f -',
    input: configMap('from-file', {}, { resourceVersion: '1' }),
    code: 1,
    err: 'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "from-file": the object has been modified; please apply your changes to the latest version and try again',
  },
  {
    run: 'replace -f -',
    input: configMap('from-file', {}, { uid: '00000000-0000-4000-8000-000000000000' }),
    code: 1,
    err: /Precondition failed: UID in precondition: 00000000-0000-4000-8000-000000000000, UID in object meta: [0-9a-f-]{36}/,
  },
  {
    run: 'replace --force -f cm.json',
    out: 'configmap "from-file" deleted\nconfigmap/from-file replaced',
    before: 33,
  },
  {
    run: 'replace --force -f cm.json',
    out: 'configmap "from-file" deleted from team namespace\nconfigmap/from-file replaced',
    since: 33,
  },
  {
    run: 'replace --raw /api/v1/namespaces/team/configmaps/raw -f raw.json',
    files: { 'raw.json': configMap('raw', { a: '9' }) },
    out: /"a":\s*"9"/,
  },
  {
    run: 'create -f -',
    input: { ...configMap('frozen', { a: '1' }), immutable: true },
    out: 'configmap/frozen created',
  },
  {
    run: ['patch', 'cm', 'frozen', '-p', '{"data":{"a":"2"}}'],
    code: 1,
    err: 'The ConfigMap "frozen" is invalid: data: Forbidden: field is immutable when `immutable` is set',
  },
  {
    run: ['patch', 'cm', 'frozen', '-p', '{"immutable":false}'],
    code: 1,
    err: /immutable: Forbidden: field is immutable when `immutable` is set/,
  },
  {
    run: ['patch', 'secret', 'hidden', '-p', '{"type":"example.org/other"}'],
    code: 1,
    err: 'The Secret "hidden" is invalid: type: Invalid value: "example.org/other": field is immutable',
  },
  { run: ['patch', 'secret', 'hidden', '-p', '{"stringData":{"user":"eve"}}'], out: 'secret/hidden patched' },
  { run: 'get secret hidden -o jsonpath={.data}', out: '{"password":"aHVzaA==","user":"ZXZl"}' },
  {
    run: ['patch', 'rolebinding', 'reads', '--type=merge', '-p', '{"roleRef":{"name":"other"}}'],
    code: 1,
    err: /roleRef: Invalid value: .*cannot change roleRef/,
  },
  {
    run: 'set subject rolebinding reads --user=bob --group=staff',
    out: 'rolebinding.rbac.authorization.k8s.io/reads subjects updated',
  },
  { run: 'get rolebinding reads -o jsonpath={.subjects[*].name}', out: 'eve robot bob staff' },
]
