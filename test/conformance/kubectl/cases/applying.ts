import type { TourCase } from '../tour.ts'
import { configMap, list } from './manifests.ts'

const demo = (name: string, data: object) => configMap(name, data, { labels: { app: 'demo' } })
const settings = (data: object) => ({ 'settings.json': configMap('settings', data) })
const shared = (data: object) => ({ 'shared.json': configMap('shared', data) })

export const applying: readonly TourCase[] = [
  { run: 'apply -f settings.json', files: settings({ a: '1', b: '1' }), out: 'configmap/settings created' },
  { run: 'apply -f settings.json', out: 'configmap/settings unchanged' },
  { run: 'apply -f settings.json', files: settings({ a: '2' }), out: 'configmap/settings configured' },
  { run: 'get cm settings -o jsonpath={.data}', out: '{"a":"2"}' },
  { run: ['patch', 'cm', 'settings', '-p', '{"data":{"mine":"1"}}'], out: 'configmap/settings patched' },
  { run: 'apply -f settings.json', files: settings({ c: '3' }), out: 'configmap/settings configured' },
  { run: 'get cm settings -o jsonpath={.data}', out: '{"c":"3","mine":"1"}' },
  {
    run: 'apply -f settings.json --dry-run=client',
    out: /^configmap\/settings (configured|unchanged) \(dry run\)$/m,
  },
  { run: 'apply -f settings.json --dry-run=server', out: 'configmap/settings unchanged (server dry run)' },
  { run: 'apply -f settings.json -o jsonpath={.metadata.name}', out: 'settings' },
  {
    run: 'apply -f - --dry-run=server -o jsonpath={.metadata.uid}',
    input: configMap('phantom', {}),
    out: /^[0-9a-f-]{36}$/,
  },
  { run: 'apply view-last-applied cm settings', out: /c: "3"/ },
  {
    run: 'apply set-last-applied -f settings.json',
    out: 'configmap/settings configured',
    files: settings({ c: '3', d: '4' }),
  },
  {
    run: 'apply edit-last-applied cm settings',
    env: { EDITOR: 'true' },
    err: 'Edit cancelled, no changes made.',
  },
  {
    run: 'apply -f -',
    input: list(demo('demo-a', { a: '1' }), demo('demo-b', { b: '1' })),
    out: 'configmap/demo-a created\nconfigmap/demo-b created',
  },
  {
    run: 'apply -f - --prune -l app=demo --prune-whitelist=core/v1/ConfigMap',
    before: 26,
    input: demo('demo-a', { a: '1' }),
    out: 'configmap/demo-a unchanged\nconfigmap/demo-b pruned',
  },
  {
    run: 'apply -f - --prune -l app=demo --prune-allowlist=core/v1/ConfigMap',
    since: 26,
    input: demo('demo-a', { a: '1' }),
    out: 'configmap/demo-a unchanged\nconfigmap/demo-b pruned',
  },
  {
    run: 'apply -f - --prune --applyset=set --namespace=team',
    since: 27,
    env: { KUBECTL_APPLYSET: 'true' },
    input: list(configMap('set-a', {}), configMap('set-b', {})),
    out: 'configmap/set-a created\nconfigmap/set-b created',
  },
  {
    run: 'get secret set -o jsonpath={.metadata.labels}',
    since: 27,
    out: /"applyset\.kubernetes\.io\/id":"applyset-[\w-]+-v1"/,
  },
  {
    run: 'apply -f - --server-side --prune --applyset=secret/set --namespace=team',
    since: 27,
    env: { KUBECTL_APPLYSET: 'true' },
    input: list(configMap('set-a', {}), configMap('set-b', {})),
    out: 'configmap/set-a serverside-applied\nconfigmap/set-b serverside-applied',
  },
  {
    run: 'apply -f - --server-side --prune --applyset=secret/set --namespace=team',
    since: 27,
    env: { KUBECTL_APPLYSET: 'true' },
    input: configMap('set-a', {}),
    out: 'configmap/set-a serverside-applied\nconfigmap/set-b pruned',
  },
  {
    run: 'apply -k .',
    out: 'configmap/k-based configured',
    err: /missing the .* annotation which is required by .*apply/,
  },
  {
    run: 'diff -f demo.json',
    files: { 'demo.json': demo('demo-a', { a: '2' }) },
    code: 1,
    out: [/^- {2}a: "1"$/m, /^\+ {2}a: "2"$/m],
  },
  { run: 'diff -f demo.json', files: { 'demo.json': demo('demo-a', { a: '1' }) }, out: '' },
  {
    run: 'diff --server-side -f demo.json',
    files: { 'demo.json': demo('demo-a', { a: '1', b: '2' }) },
    code: 1,
    out: /^\+ {2}b: "2"$/m,
  },
  { run: 'diff -f -', input: demo('demo-new', { a: '1' }), code: 1, out: /^\+kind: ConfigMap$/m },
  {
    run: 'apply --server-side -f shared.json',
    files: shared({ x: '1' }),
    out: 'configmap/shared serverside-applied',
  },
  { run: 'apply --server-side -f shared.json', out: 'configmap/shared serverside-applied' },
  {
    run: 'apply --server-side --field-manager=other -f shared.json',
    files: shared({ x: '2' }),
    code: 1,
    err: [
      /^error: Apply failed with 1 conflict: conflict with "kubectl"( using v1)?: \.data\.x$/m,
      /^Please review the fields above--they currently have other managers\./m,
    ],
  },
  {
    run: 'apply --server-side --field-manager=other --force-conflicts -f shared.json',
    out: 'configmap/shared serverside-applied',
  },
  { run: 'get cm shared -o jsonpath={.data.x}', out: '2' },
  {
    run: 'apply --server-side --dry-run=server -f shared.json --field-manager=third',
    out: 'configmap/shared serverside-applied (server dry run)',
  },
  {
    run: 'apply --server-side -f settings.json',
    files: settings({ c: '4' }),
    out: 'configmap/settings serverside-applied',
  },
  {
    run: 'apply --server-side --validate=strict -f -',
    since: 25,
    input: { ...configMap('odd', {}), dota: 1 },
    code: 1,
    err: /unknown field "dota"|\.dota: field not declared in schema/,
  },
  {
    run: 'apply -f -',
    input: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"numeric"},"data":{"a":1}}',
    code: 1,
    err: /invalid type for io\.k8s\.api\.core\.v1\.ConfigMap\.data: got "(integer|number)", expected "string"|cannot unmarshal number into Go struct field ConfigMap\.data of type string/,
  },
  {
    run: 'apply -f missing.json',
    code: 1,
    err: /the path "missing\.json" does not exist|lstat missing\.json/,
  },
]
