import type { TourCase } from '../tour.ts'
import { configMap, list } from './manifests.ts'

const labelled = (name: string, tier: string, data: object) =>
  configMap(name, data, { labels: { tier, app: 'shop' } })

/** Reads of what `creating` made, and of three labelled config maps. */
export const reading: readonly TourCase[] = [
  {
    run: 'create -f -',
    input: list(
      labelled('shop-b', 'front', { size: '2', color: 'red' }),
      labelled('shop-a', 'back', { size: '3' }),
      labelled('shop-c', 'front', { size: '1' }),
    ),
    out: /shop-c created/,
  },
  { run: 'get cm app', out: /^NAME +DATA +AGE\napp +2 +\d+s$/m },
  { run: 'get cm app -o wide', out: /^NAME +DATA +AGE\napp +2 / },
  { run: 'get cm app -o name', out: 'configmap/app' },
  { run: 'get configmaps/app secret/hidden -o name', out: 'configmap/app\nsecret/hidden' },
  { run: 'get cm,secret -l app=shop -o name', out: 'configmap/shop-a\nconfigmap/shop-b\nconfigmap/shop-c' },
  {
    run: 'get cm app -o json',
    out: [/^\{\n {4}"apiVersion": "v1",/, /"kind": "ConfigMap"/, /"uid": "[0-9a-f-]{36}"/],
  },
  {
    run: 'get cm app -o yaml',
    out: [/^apiVersion: v1\ndata:\n {2}a: "1"\n {2}b: two\nkind: ConfigMap\n/, /resourceVersion: "\d+"/],
  },
  { run: 'get cm app -o yaml', since: 21, out: /^(?![\s\S]*managedFields)/ },
  { run: 'get cm app -o yaml --show-managed-fields', since: 21, out: /managedFields:\n {2}- apiVersion: v1/ },
  { run: 'get cm app -o jsonpath={.data.a}/{.data.b}', out: '1/two' },
  {
    run: ['get', 'cm', '-l', 'app=shop', '-o', 'jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}'],
    out: 'shop-a\nshop-b\nshop-c',
  },
  {
    run: ['get', 'cm', '-l', 'app=shop', '-o', "jsonpath={.items[?(@.data.size=='3')].metadata.name}"],
    out: 'shop-a',
  },
  { run: 'get cm app -o jsonpath-as-json={.data}', out: /^\[\n {4}\{\n {8}"a": "1",/ },
  { run: 'get cm app -o jsonpath-file=path.txt', files: { 'path.txt': '{.data.b}' }, out: 'two' },
  { run: ['get', 'cm', 'app', '-o', 'go-template={{.data.a}} {{len .data}}'], out: '1 2' },
  {
    run: 'get cm app -o go-template-file=template.txt',
    files: { 'template.txt': '{{range $k, $v := .data}}{{$k}}={{$v}};{{end}}' },
    out: 'a=1;b=two;',
  },
  {
    run: 'get cm -l app=shop -o custom-columns=NAME:.metadata.name,SIZE:.data.size',
    out: /^NAME +SIZE\nshop-a +3\nshop-b +2\nshop-c +1\n$/,
  },
  {
    run: 'get cm shop-a -o custom-columns-file=columns.txt',
    files: { 'columns.txt': 'WHO COLOR\n.metadata.name .data.color\n' },
    out: /^WHO +COLOR\nshop-a +<none>\n$/,
  },
  { run: 'get cm shop-a --show-labels', out: /shop-a +1 +\S+ +app=shop,tier=back/ },
  { run: 'get cm -l app=shop -L tier', out: [/^NAME +DATA +AGE +TIER$/m, /^shop-a .* back$/m] },
  { run: 'get cm shop-a --no-headers', out: /^shop-a +1 +\S+\n$/ },
  { run: 'get cm shop-a --show-kind --no-headers', out: /^configmap\/shop-a +1 / },
  { run: 'get cm shop-a --server-print=false', out: /^NAME +AGE\nshop-a +\S+\n$/ },
  {
    run: ['get', 'cm', '-l', 'tier in (front, side)', '-o', 'name'],
    out: 'configmap/shop-b\nconfigmap/shop-c',
  },
  { run: ['get', 'cm', '-l', 'app=shop,tier notin (front)', '-o', 'name'], out: 'configmap/shop-a' },
  { run: 'get cm -l app,tier!=front -o name', out: 'configmap/shop-a' },
  { run: ['get', 'cm', '-l', '!app', '-o', 'name'], out: /^(?![\s\S]*shop)[\s\S]*configmap\/app$/m },
  {
    run: ['get', 'cm', '-l', 'a b'],
    code: 1,
    out: '',
    err: /unable to parse requirement|found '.*', expected/,
  },
  { run: 'get cm --field-selector metadata.name=shop-b -o name', out: 'configmap/shop-b' },
  { run: 'get cm -A --field-selector metadata.namespace!=team -o name', out: /^(?!.*shop)/ },
  { run: 'get secrets --field-selector type=kubernetes.io/tls -o name', out: 'secret/pair' },
  {
    run: 'get ns --field-selector status.phase=Active -o name',
    out: /^namespace\/default\n[\s\S]*namespace\/team$/m,
  },
  {
    run: 'get cm --field-selector data.a=1',
    code: 1,
    out: '',
    err: /"data\.a" is not a known field selector|field label not supported: data\.a/,
  },
  {
    run: 'get cm -l app=shop --sort-by=.data.size -o name',
    out: 'configmap/shop-c\nconfigmap/shop-b\nconfigmap/shop-a',
  },
  { run: 'get cm -l app=shop --sort-by=.metadata.name', out: /shop-a [\s\S]*shop-b [\s\S]*shop-c / },
  {
    run: 'get cm -l app=shop --chunk-size=1 -o name',
    out: 'configmap/shop-a\nconfigmap/shop-b\nconfigmap/shop-c',
  },
  { run: 'get cm -l app=shop --chunk-size=2', out: /shop-a [\s\S]*shop-b [\s\S]*shop-c / },
  { run: 'get clusterroles --chunk-size=1 -o name', out: /clusterrole\.rbac\.authorization\.k8s\.io\/view/ },
  { run: 'get cm -A', out: /^NAMESPACE +NAME +DATA +AGE$/m },
  { run: 'get cm -l app=shop -o json', out: [/"kind": "List"/, /"items": \[/] },
  { run: 'get cm nope', code: 1, out: '', err: 'Error from server (NotFound): configmaps "nope" not found' },
  { run: 'get cm nope --ignore-not-found', out: '' },
  { run: 'get cm nope shop-a -o name', code: 1, out: 'configmap/shop-a', err: /configmaps "nope" not found/ },
  { run: 'get cm -l none=such', out: '', err: 'No resources found in team namespace.' },
  { run: 'get cm -l none=such -A', out: '', err: 'No resources found' },
  { run: 'get -f cm.json -o name', out: 'configmap/from-file' },
  { run: 'get secret hidden', out: /^NAME +TYPE +DATA +AGE\nhidden +Opaque +1 /m },
  { run: 'get sa robot', out: /^NAME +(SECRETS +)?AGE\nrobot +/m },
  {
    run: 'get role,rolebinding -o wide',
    out: [/rolebinding\.rbac\.authorization\.k8s\.io\/reads +Role\/reader +\S+ +eve +team\/robot/],
  },
  { run: 'get clusterrolebinding measures -o wide', out: /measures +ClusterRole\/metrics +\S+ +watchers/ },
  { run: 'get quota small', out: /^NAME +[\s\S]*small +/m },
  { run: 'get ns team', out: /^NAME +STATUS +AGE\nteam +Active +/m },

  { run: 'describe cm app', out: [/^Name: +app\nNamespace: +team\n/, /^Data\n====\n/m, /^two$/m] },
  { run: 'describe secret hidden', out: /^password: +4 bytes$/m },
  { run: 'describe ns team', out: [/^Status: +Active$/m, /Resource Quotas|Name: +small/] },
  { run: 'describe sa robot', out: /^Name: +robot$/m },
  { run: 'describe role reader', out: /configmaps +\[\] +\[\] +\[get list\]/ },
  { run: 'describe rolebinding reads', out: /ServiceAccount +robot +team/ },
  { run: 'describe clusterrole metrics', out: /\[\/metrics\] +\[\] +\[get\]/ },
  { run: 'describe quota small', out: /^configmaps +\d+ +50$/m },
  { run: 'describe cm shop-', out: /Name: +shop-a[\s\S]*Name: +shop-b/ },
  {
    run: 'describe cm nope',
    code: 1,
    out: '',
    err: 'Error from server (NotFound): configmaps "nope" not found',
  },
]
