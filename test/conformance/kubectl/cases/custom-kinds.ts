import { aWidget, widgetCrd } from '../../../integration/apiserver/widget.ts'
import type { TourCase } from '../tour.ts'

const widget = 'widget.test.example.org'
const status = (text: string) => ['patch', 'wd', 'one', '--subresource=status', '--type=merge', '-p', text]

export const customKinds: readonly TourCase[] = [
  {
    run: 'create -f crd.json',
    files: { 'crd.json': widgetCrd },
    out: 'customresourcedefinition.apiextensions.k8s.io/widgets.test.example.org created',
  },
  {
    run: 'wait --for=condition=Established --timeout=20s crd/widgets.test.example.org',
    out: 'customresourcedefinition.apiextensions.k8s.io/widgets.test.example.org condition met',
  },
  {
    run: 'api-resources --api-group=test.example.org',
    out: /^widgets +wd +test\.example\.org\/v1 +true +Widget$/m,
  },
  { run: 'get crd widgets.test.example.org', out: /^NAME +CREATED AT\nwidgets\.test\.example\.org +\d{4}-/m },
  {
    run: 'apply -f widget.json',
    files: { 'widget.json': aWidget('one', { parts: [{ name: 'lid' }] }) },
    out: `${widget}/one created`,
  },
  // Defaults within a list make kubectl send a patch, of which nothing comes.
  { run: 'apply -f widget.json', out: `${widget}/one configured` },
  { run: 'get wd one -o jsonpath={.metadata.generation}', out: '1' },
  { run: 'get wd', out: /^NAME +COLOR\none +red\n$/ },
  { run: 'get widgets.test.example.org -o wide', out: /^NAME +COLOR +REPLICAS\none +red +1\n$/ },
  { run: 'get widgets.v1.test.example.org one -o jsonpath={.spec.parts[0].size}', out: '3' },
  { run: 'get all -o name', out: `${widget}/one` },
  { run: 'get wd --field-selector spec.color=red -o name', out: `${widget}/one` },
  { run: 'get wd --field-selector spec.color=blue -o name', out: '' },
  { run: 'describe wd one', out: [/^API Version: +test\.example\.org\/v1$/m, /^ {2}Color: +red$/m] },
  { run: 'explain widget.spec', out: [/color/, /What it looks like\./] },
  { run: 'explain widget --recursive', out: /parts\t<\[\]Object>[\s\S]*size\t<integer>/ },
  { run: 'explain wd.spec.parts --api-version=test.example.org/v1', out: /size\t<integer>/ },
  {
    run: 'create -f -',
    input: aWidget('two', { colour: 'red' }),
    code: 1,
    err: /unknown field "(spec\.)?colour"/,
  },
  {
    run: 'create -f -',
    input: aWidget('two', { color: 'pink' }),
    code: 1,
    err: /spec\.color: Unsupported value: "pink": supported values: "red", "green", "blue"/,
  },
  {
    run: 'create -f - --validate=false',
    input: { ...aWidget('two'), spec: {} },
    code: 1,
    err: 'The Widget "two" is invalid: spec.color: Required value',
  },
  {
    run: ['patch', 'wd', 'one', '--type=merge', '-p', '{"spec":{"color":"green"}}'],
    out: `${widget}/one patched`,
  },
  {
    run: ['patch', 'wd', 'one', '-p', '{"spec":{"color":"green"}}'],
    code: 1,
    err: /UnsupportedMediaType|does not support strategic|the body of the request was in an unknown format - accepted media types include:/,
  },
  { run: 'label wd one a=b', out: `${widget}/one labeled` },
  {
    run: 'edit wd one',
    files: { 'editor.sh': '#!/bin/sh\nexec sed -i -e "s/color: green/color: blue/" "$1"\n' },
    env: { EDITOR: 'sh editor.sh' },
    out: `${widget}/one edited`,
  },
  {
    run: 'replace -f -',
    input: aWidget('one', { color: 'blue', replicas: 1 }),
    out: `${widget}/one replaced`,
  },
  { run: 'scale wd one --replicas=3', out: `${widget}/one scaled` },
  { run: 'scale wd one --replicas=4 --current-replicas=3', out: `${widget}/one scaled` },
  { run: 'scale wd one --replicas=5 --current-replicas=3', code: 1, err: /Expected replicas to be 3, was 4/ },
  { run: 'scale -f widget.json --replicas=2', out: `${widget}/one scaled` },
  { run: 'get wd one -o jsonpath={.spec.replicas}', out: '2' },
  { run: 'get --raw /apis/test.example.org/v1/namespaces/team/widgets/one/scale', out: /"kind":\s*"Scale"/ },
  {
    run: 'get wd one --subresource=scale',
    since: 24,
    out: /^NAME +DESIRED +AVAILABLE +AGE\none +2 +0 +\S+$/m,
  },
  { run: 'get wd one --subresource=status -o name', since: 24, out: `${widget}/one` },
  {
    run: status('{"status":{"replicas":2},"spec":{"color":"red"}}'),
    since: 24,
    out: `${widget}/one patched`,
  },
  { run: 'get wd one -o jsonpath={.spec.color}/{.status.replicas}', since: 24, out: 'blue/2' },
  {
    run: 'wait --for=condition=Ready --timeout=30s wd/one',
    since: 24,
    out: `${widget}/one condition met`,
    follow: {
      steps: [{ seen: /^/, run: status('{"status":{"conditions":[{"type":"Ready","status":"True"}]}}') }],
    },
  },
  {
    run: 'wait --for=condition=Ready=false --timeout=100ms wd/one',
    since: 24,
    code: 1,
    err: /timed out waiting for the condition on widgets\/one/,
  },
  {
    run: 'wait --for=jsonpath={.status.replicas}=2 --timeout=20s wd/one',
    since: 24,
    out: `${widget}/one condition met`,
  },
  {
    run: 'wait --for=jsonpath={.status.replicas} --timeout=20s wd/one',
    since: 31,
    out: `${widget}/one condition met`,
  },
  {
    run: 'wait --for=create --timeout=30s wd/later',
    since: 31,
    out: `${widget}/later condition met`,
    follow: { steps: [{ seen: /^/, run: 'apply -f later.json' }] },
    files: { 'later.json': aWidget('later') },
  },
  {
    run: 'wait --for=delete --timeout=30s wd/one',
    since: 24,
    // Silent when it is gone before kubectl has looked.
    out: /^(widget\.test\.example\.org\/one condition met\n)?$/,
    follow: { steps: [{ seen: /^/, run: 'delete wd one --wait=false' }] },
  },
  { run: 'delete wd --all', out: /deleted/, since: 31 },
  { run: 'delete wd one', out: /deleted/, before: 24 },
  {
    run: 'delete crd widgets.test.example.org',
    out: 'customresourcedefinition.apiextensions.k8s.io "widgets.test.example.org" deleted',
  },
  {
    run: 'get wd',
    code: 1,
    out: '',
    err: /the server doesn't have a resource type "wd"|could not find the requested resource/,
  },
]
