import type { TourCase } from '../tour.ts'

export const discovery: readonly TourCase[] = [
  {
    run: 'version -o json',
    out: [/"clientVersion"/, /"serverVersion"/, /"major": "1"/],
    err: /^(WARNING: version difference.*\n)?$/,
  },
  { run: 'version', out: /Server Version/, err: /^(WARNING: version difference.*\n)?$/ },
  { run: 'version --client', out: /Client Version/ },
  { run: 'cluster-info', out: /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:\d+/ },
  {
    run: 'api-versions',
    out: [/^v1$/m, /^apiextensions\.k8s\.io\/v1$/m, /^rbac\.authorization\.k8s\.io\/v1$/m],
  },
  {
    run: 'api-resources',
    out: [/^configmaps +cm +v1 +true +ConfigMap$/m, /^namespaces +ns +v1 +false +Namespace$/m],
  },
  { run: 'api-resources --namespaced=false -o name', out: [/^namespaces$/m, /^(?![\s\S]*configmaps)/] },
  {
    run: 'api-resources --verbs=list,delete -o name',
    out: [/^secrets$/m, /^(?![\s\S]*subjectaccessreviews)/],
  },
  {
    run: 'api-resources --verbs=create --api-group=authorization.k8s.io -o name',
    out: /^selfsubjectaccessreviews\.authorization\.k8s\.io$/m,
  },
  {
    run: 'api-resources -o wide --api-group=rbac.authorization.k8s.io',
    out: /^clusterroles .*create.*deletecollection.*watch/m,
  },
  {
    run: 'api-resources --no-headers --sort-by=name --cached',
    out: /^(?!NAME)[\s\S]*^certificatesigningrequests +csr /m,
  },
  { run: 'api-resources --sort-by=kind -o name', out: /^clusterroles.*\n(.*\n)*^configmaps$/m },
  { run: 'get --raw /healthz', out: 'ok' },
  { run: 'get --raw /livez?verbose', out: /\[\+\]ping ok\n[\s\S]*livez check passed/ },
  { run: 'get --raw /readyz?verbose', out: /\[\+\]etcd ok\n[\s\S]*readyz check passed/ },
  { run: 'get --raw /version', out: /"gitVersion":\s*"v1\./ },
  { run: 'get --raw /api', out: /"kind":\s*"APIVersions"/ },
  { run: 'get --raw /apis', out: /"kind":\s*"APIGroupList"/ },
  { run: 'get --raw /api/v1', out: /"kind":\s*"APIResourceList"/ },
  { run: 'get --raw /api/v1/namespaces/default', out: /"kind":\s*"Namespace"/ },
  { run: 'get --raw /metrics', out: /^apiserver_request_total/m },
  { run: 'get --raw /openapi/v3', out: /"api\/v1"/ },
  {
    run: 'get --raw /no/such/path',
    code: 1,
    out: '',
    err: 'Error from server (NotFound): the server could not find the requested resource',
  },
  { run: 'explain configmap', out: [/KIND: +ConfigMap/, /VERSION: +v1/, /immutable/] },
  { run: 'explain cm.data', out: /FIELD: +data/ },
  { run: 'explain namespace.spec.finalizers', out: /FIELD: +finalizers/ },
  { run: 'explain secret --recursive', out: [/stringData/, /ownerReferences/, /blockOwnerDeletion/] },
  {
    run: 'explain role.rules --api-version=rbac.authorization.k8s.io/v1',
    out: [/RESOURCE: +rules|FIELD: +rules/, /verbs/, /-required-/],
  },
  { run: 'explain crd.spec.versions.schema --recursive', out: /openAPIV3Schema/ },
  { run: 'explain cm.nosuchfield', code: 1, err: /field "nosuchfield" does not exist/ },
  {
    run: 'explain nosuchkind',
    code: 1,
    out: '',
    err: /the server doesn't have a resource type "nosuchkind"|couldn't find resource for/,
  },
  {
    run: 'explain configmap.immutable --output=plaintext-openapiv2',
    since: 27,
    out: /FIELD: +immutable <boolean>/,
  },
  {
    run: 'get nosuchkind',
    code: 1,
    out: '',
    err: `error: the server doesn't have a resource type "nosuchkind"`,
  },
  { run: 'get pods', code: 1, out: '', err: `error: the server doesn't have a resource type "pods"` },
]
