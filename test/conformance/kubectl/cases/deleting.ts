import type { TourCase } from '../tour.ts'
import { configMap, list } from './manifests.ts'

/** From kubectl 1.33 on the message names the namespace. */
const deleted = (kind: string, ...names: readonly string[]) => ({
  old: names.map((name) => `${kind} "${name}" deleted`).join('\n'),
  now: names.map((name) => `${kind} "${name}" deleted from team namespace`).join('\n'),
})

/** The case for older and newer kubectls. */
const both = (tourCase: TourCase, kind: string, ...names: readonly string[]): TourCase[] => {
  const { old, now } = deleted(kind, ...names)
  return [
    { ...tourCase, out: old, before: 33 },
    { ...tourCase, out: now, since: 33 },
  ]
}

const guarded = configMap('guarded', {}, { finalizers: ['example.org/guard'] })

const ownedBy = (uid: string) =>
  configMap('owned', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }] })

export const deleting: readonly TourCase[] = [
  {
    run: 'create -f -',
    input: list(
      ...['d1', 'd2', 'd3', 'd4', 'd5', 'd6'].map((name) =>
        configMap(name, {}, { labels: { doomed: name } }),
      ),
    ),
    out: /d6 created/,
  },
  {
    run: 'delete cm d1 --dry-run=server',
    out: /configmap "d1" deleted (from team namespace )?\(server dry run\)/,
  },
  { run: 'delete cm d1 --dry-run=client', out: /configmap "d1" deleted (from team namespace )?\(dry run\)/ },
  ...both({ run: 'delete cm d1' }, 'configmap', 'd1'),
  { run: 'delete cm d1', code: 1, err: 'Error from server (NotFound): configmaps "d1" not found' },
  { run: 'delete cm d1 --ignore-not-found', out: '' },
  ...both({ run: 'delete cm d2 d3' }, 'configmap', 'd2', 'd3'),
  ...both({ run: 'delete cm -l doomed=d4' }, 'configmap', 'd4'),
  { run: 'delete cm -l doomed=none', out: 'No resources found' },
  { run: 'delete cm d5 -o name', out: 'configmap/d5' },
  { run: 'delete --raw /api/v1/namespaces/team/configmaps/d6', out: /"status":\s*"Success"/ },
  { run: 'delete cm --field-selector=metadata.name=one', out: /configmap "one" deleted/ },
  { run: 'delete -f -', input: configMap('two', {}), out: /configmap "two" deleted/ },
  { run: 'delete cm saved --now', out: /configmap "saved" deleted/ },
  {
    run: 'delete cm raw --grace-period=0 --force',
    out: /configmap "raw" force deleted/,
    err: /^Warning: (i|I)mmediate deletion does not wait/i,
  },
  { run: 'delete -k .', out: /configmap "k-based" deleted/ },
  { run: 'delete cm d1 --cascade=sideways', code: 1, err: /invalid cascade value|unknown cascade value/ },
  { run: 'create -f -', input: guarded, out: 'configmap/guarded created' },
  { run: 'delete cm guarded --wait=false', out: /configmap "guarded" deleted/ },
  { run: 'get cm guarded -o jsonpath={.metadata.deletionTimestamp}', out: /^\d{4}-/ },
  {
    run: 'delete cm guarded --timeout=100ms',
    code: 1,
    out: /deleted/,
    err: /timed out waiting for the condition on configmaps\/guarded/,
  },
  {
    run: 'delete cm guarded --timeout=30s',
    out: /configmap "guarded" deleted/,
    follow: {
      steps: [
        {
          seen: /deleted/,
          run: ['patch', 'cm', 'guarded', '--type=merge', '-p', '{"metadata":{"finalizers":null}}'],
        },
      ],
    },
  },
  { run: 'get cm guarded --ignore-not-found', out: '' },
  { run: 'create cm owner', out: 'configmap/owner created' },
  ...ownerCases('background', 'gone'),
  ...ownerCases('foreground', 'gone'),
  ...ownerCases('orphan', 'stays'),
  { run: 'delete cm owned', out: /configmap "owned" deleted/ },
  { run: 'delete secret --all', out: /secret "hidden" deleted/ },
  { run: 'get secret -o name', out: '' },
  {
    run: 'delete clusterrole,clusterrolebinding metrics measures',
    code: 1,
    out: /clusterrole\.rbac\.authorization\.k8s\.io "metrics" deleted/,
    err: /not found/,
  },
  { run: 'delete ns late', out: 'namespace "late" deleted' },
  {
    run: 'delete ns default',
    code: 1,
    err: /namespaces "default" is forbidden: this namespace may not be deleted/,
  },
  { run: 'delete ns team --timeout=50s', out: 'namespace "team" deleted' },
  { run: 'get cm app', code: 1, out: '', err: /configmaps "app" not found|namespaces "team" not found/ },
  { run: 'get ns team', code: 1, out: '', err: 'Error from server (NotFound): namespaces "team" not found' },
]

/** Deletes an owner one way, and looks what becomes of what it owns. */
function ownerCases(cascade: string, end: 'gone' | 'stays'): readonly TourCase[] {
  return [
    { run: 'get cm owner -o jsonpath={.metadata.uid}', keep: 'OWNER_UID', out: /^[0-9a-f-]{36}$/ },
    {
      run: 'apply -f owned.json',
      files: { 'owned.json': ownedBy('$OWNER_UID') },
      out: /owned (created|configured|unchanged)/,
    },
    { run: `delete cm owner --cascade=${cascade}`, out: /configmap "owner" deleted/ },
    end === 'gone'
      ? {
          run: 'wait --for=delete cm/owned --timeout=30s',
          // Older ones complain when it is gone already.
          code: [0, 1],
          err: /^(error: no matching resources found\n|Error from server \(NotFound\).*\n)?$/,
        }
      : { run: 'get cm owned -o jsonpath={.metadata.ownerReferences}', out: '' },
    { run: 'create cm owner', out: 'configmap/owner created' },
  ]
}
