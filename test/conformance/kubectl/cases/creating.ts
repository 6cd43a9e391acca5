import type { TourCase } from '../tour.ts'
import { configMap, list } from './manifests.ts'

const role = 'role.rbac.authorization.k8s.io'
const clusterRole = 'clusterrole.rbac.authorization.k8s.io'

export const creating: readonly TourCase[] = [
  { run: 'create namespace team', out: 'namespace/team created' },
  { run: 'config set-context --current --namespace=team', out: /modified/ },
  { run: 'create namespace team', code: 1, err: /namespaces "team" already exists$/m },
  { run: 'create cm app --from-literal=a=1 --from-literal=b=two', out: 'configmap/app created' },
  { run: 'create cm app --from-literal=a=1', code: 1, err: /configmaps "app" already exists$/m },
  {
    run: 'create configmap files --from-file=note.txt --from-file=renamed=note.txt',
    files: { 'note.txt': 'line\n' },
    out: 'configmap/files created',
  },
  { run: 'get cm files -o jsonpath={.data}', out: '{"note.txt":"line\\n","renamed":"line\\n"}' },
  {
    run: 'create configmap binary --from-file=blob',
    files: { blob: 'MZ\u0000\ufffd' },
    out: 'configmap/binary created',
  },
  {
    run: 'create cm env --from-env-file=vars.env',
    files: { 'vars.env': 'A=1\n# no\nB=two words\n' },
    out: 'configmap/env created',
  },
  { run: 'get cm env -o jsonpath={.data.B}', out: 'two words' },
  { run: 'create secret generic hidden --from-literal=password=hush', out: 'secret/hidden created' },
  {
    run: 'create secret generic typed --type=example.org/odd --from-literal=a=b',
    out: 'secret/typed created',
  },
  {
    run: 'create secret tls pair --cert=client-certificate.pem --key=client-key.pem',
    out: 'secret/pair created',
  },
  {
    run: 'create secret docker-registry registry --docker-server=r.example.org --docker-username=u --docker-password=p',
    out: 'secret/registry created',
  },
  {
    run: 'get secret registry pair -o jsonpath={.items[*].type}',
    out: 'kubernetes.io/dockerconfigjson kubernetes.io/tls',
  },
  { run: 'create serviceaccount robot', out: 'serviceaccount/robot created' },
  { run: 'create role reader --verb=get,list --resource=configmaps,secrets', out: `${role}/reader created` },
  {
    run: 'create role narrow --verb=get --resource=configmaps --resource-name=app',
    out: `${role}/narrow created`,
  },
  {
    run: 'get role narrow -o jsonpath={.rules}',
    out: '[{"apiGroups":[""],"resourceNames":["app"],"resources":["configmaps"],"verbs":["get"]}]',
  },
  {
    run: 'create clusterrole metrics --verb=get --non-resource-url=/metrics',
    out: `${clusterRole}/metrics created`,
  },
  {
    run: 'create clusterrole gathers --aggregation-rule=example.org/part=true',
    out: `${clusterRole}/gathers created`,
  },
  {
    run: 'create rolebinding reads --role=reader --serviceaccount=team:robot --user=eve',
    out: 'rolebinding.rbac.authorization.k8s.io/reads created',
  },
  {
    run: 'create clusterrolebinding measures --clusterrole=metrics --group=watchers',
    out: 'clusterrolebinding.rbac.authorization.k8s.io/measures created',
  },
  { run: 'create quota small --hard=configmaps=50,secrets=50', out: 'resourcequota/small created' },
  {
    run: 'create -f cm.json',
    files: { 'cm.json': configMap('from-file', { a: '1' }) },
    out: 'configmap/from-file created',
  },
  {
    run: 'create -f cm.json',
    code: 1,
    err: 'Error from server (AlreadyExists): error when creating "cm.json": configmaps "from-file" already exists',
  },
  {
    run: 'create -f -',
    input: list(configMap('one', {}), configMap('two', {})),
    out: 'configmap/one created\nconfigmap/two created',
  },
  {
    run: 'create -f - -o jsonpath={.metadata.name}',
    input: configMap('', {}, { name: undefined, generateName: 'made-' }),
    out: /^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/,
  },
  { run: 'create -k .', out: 'configmap/k-based created' },
  {
    run: 'create -f yaml.yaml',
    files: {
      'yaml.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-yaml}\ndata:\n  a: |\n    two\n    lines\n---\n# nothing\n',
    },
    out: 'configmap/from-yaml created',
  },
  {
    run: 'create --raw /api/v1/namespaces/team/configmaps -f raw.json',
    files: { 'raw.json': configMap('raw', { a: '1' }) },
    out: /"name":\s*"raw"/,
  },
  {
    run: 'create -f saved.json --save-config',
    files: { 'saved.json': configMap('saved', { a: '1' }) },
    out: 'configmap/saved created',
  },
  { run: 'apply view-last-applied cm/saved -o json', out: /"a": "1"/ },
  { run: 'create cm ghost --dry-run=server -o name', out: 'configmap/ghost' },
  {
    run: 'create -f - --dry-run=server',
    input: configMap('ghost', {}),
    out: 'configmap/ghost created (server dry run)',
  },
  {
    run: 'get cm ghost',
    code: 1,
    out: '',
    err: 'Error from server (NotFound): configmaps "ghost" not found',
  },
  {
    run: 'create -f -',
    input: configMap('Bad_Name', {}),
    code: 1,
    err: `The ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
  },
  { run: 'create cm lost -n nowhere', code: 1, err: /namespaces "nowhere" not found$/m },
  {
    run: 'create -f typo.json',
    files: { 'typo.json': { ...configMap('typo', {}), dota: {} } },
    code: 1,
    err: /unknown field "dota"/,
  },
  {
    run: 'create -f typo.json --validate=strict',
    since: 25,
    code: 1,
    err: /strict decoding error: unknown field "dota"/,
  },
  {
    run: 'create -f typo.json --validate=warn --dry-run=server',
    since: 25,
    out: 'configmap/typo created (server dry run)',
    err: 'Warning: unknown field "dota"',
  },
  { run: 'create -f typo.json --validate=ignore', since: 25, out: 'configmap/typo created' },
  {
    run: 'create -f typo.json --validate=false --dry-run=server -o name',
    before: 25,
    out: 'configmap/typo',
    err: 'Warning: unknown field "dota"',
  },
  {
    run: 'create -f -',
    input: '{"apiVersion":"v1","kind":"Gadget","metadata":{"name":"x"}}',
    code: 1,
    err: /no matches for kind "Gadget" in version "v1"/,
  },
  {
    run: 'create deployment web --image=web:1',
    code: 1,
    err: /the server could not find the requested resource/,
  },
  {
    run: 'create -f -',
    input: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","labels":{"bad label":"v"}}}',
    code: 1,
    err: /metadata\.labels: Invalid value: "bad label": name part must consist of alphanumeric characters/,
  },
]
