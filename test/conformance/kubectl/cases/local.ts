import type { TourCase } from '../tour.ts'
import { configMap } from './manifests.ts'

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web:1' }] },
    },
  },
}

/** Subcommands that look at files and the kubeconfig. */
export const local: readonly TourCase[] = [
  {
    run: 'config view --minify -o jsonpath={.clusters[0].cluster.server}',
    out: /^https:\/\/127\.0\.0\.1:\d+$/,
  },
  { run: 'config get-contexts -o name', out: /^\S+\n$/ },
  { run: 'config current-context', out: /^\S+\n$/ },
  { run: 'config get-clusters', out: /^NAME\n\S+/ },
  { run: 'config get-users', out: /^NAME\n\S+/ },
  { run: 'config set-credentials eve --token=secret', since: 21, out: 'User "eve" set.' },
  {
    run: 'config set-cluster elsewhere --server=https://elsewhere.example.org',
    out: 'Cluster "elsewhere" set.',
  },
  { run: 'config set-context away --cluster=elsewhere --user=eve', out: 'Context "away" created.' },
  { run: 'config set contexts.away.namespace far', out: 'Property "contexts.away.namespace" set.' },
  { run: 'config unset contexts.away.namespace', out: 'Property "contexts.away.namespace" unset.' },
  { run: 'config rename-context away gone', out: 'Context "away" renamed to "gone".' },
  { run: 'config delete-context gone', out: /^deleted context gone from / },
  { run: 'config delete-cluster elsewhere', out: /^deleted cluster elsewhere from / },
  { run: 'config delete-user eve', since: 21, out: /^deleted user eve from / },
  { run: 'completion bash', out: /__start_kubectl/ },
  { run: 'completion zsh', out: /compdef/ },
  { run: 'completion fish', since: 23, out: /complete -c kubectl/ },
  { run: 'options', out: /--kubeconfig/ },
  { run: 'plugin list', code: 1, err: /unable to find any kubectl plugins/ },
  {
    run: 'kustomize .',
    files: {
      'kustomization.yaml': 'namePrefix: k-\nresources: [base.json]\n',
      'base.json': configMap('based', { a: '1' }),
    },
    out: /name: k-based/,
  },
  {
    run: 'set image --local -f deployment.json web=web:2 -o jsonpath={.spec.template.spec.containers[0].image}',
    files: { 'deployment.json': deployment },
    out: 'web:2',
  },
  {
    run: 'set env --local -f deployment.json COLOR=red -o jsonpath={.spec.template.spec.containers[0].env[0].value}',
    out: 'red',
  },
  {
    run: 'set resources --local -f deployment.json --limits=cpu=2 -o jsonpath={.spec.template.spec.containers[0].resources.limits.cpu}',
    out: '2',
  },
  {
    run: 'set serviceaccount --local -f deployment.json robot -o jsonpath={.spec.template.spec.serviceAccountName}',
    out: 'robot',
  },
  { run: 'label --local -f base.json tier=front -o jsonpath={.metadata.labels.tier}', out: 'front' },
  { run: 'annotate --local -f base.json note=hello -o jsonpath={.metadata.annotations.note}', out: 'hello' },
  {
    run: ['patch', '--local', '-f', 'base.json', '-p', '{"data":{"b":"2"}}', '-o', 'jsonpath={.data.b}'],
    out: '2',
  },
  { run: 'create namespace drawn --dry-run=client -o name', out: 'namespace/drawn' },
  {
    run: 'create cm drawn --from-literal=a=b --dry-run=client -o yaml',
    out: /^apiVersion: v1\ndata:\n {2}a: b\nkind: ConfigMap\n/,
  },
  {
    run: 'create role drawn --verb=get --resource=secrets --dry-run=client -o jsonpath={.rules[0].resources[0]}',
    out: 'secrets',
  },
  {
    run: 'proxy --port=0',
    out: /^Starting to serve on 127\.0\.0\.1:\d+/,
    follow: { steps: [], until: /Starting to serve on 127/ },
  },
]
