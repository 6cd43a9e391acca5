import { morphCrd } from '../gizmo-crd.ts'
import { apply, applyMeta, create, merge, read, type ApplyCase, type ApplyStep } from '../apply-case.ts'

const docs = (section: string) => `kubernetes.io/docs/reference/using-api/server-side-apply: ${section}`
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** What client-side apply of kubectl leaves behind: an object with an annotation of what was applied. */
const byClient = (spec: object): ApplyStep => {
  const configuration = {
    apiVersion: 'apply.example.org/v1',
    kind: 'Gizmo',
    metadata: { annotations: {}, name: 'thing', namespace: 'default' },
    spec,
  }
  return create(
    spec,
    { annotations: { [lastApplied]: `${JSON.stringify(configuration)}\n` } },
    { as: 'kubectl-client-side-apply' },
  )
}
const status = (body: object, more: object = {}): ApplyStep => ({
  body: { status: body },
  subresource: 'status',
  ...more,
})
const define = (type: 'atomic' | 'set' | 'map', generation: number): ApplyStep => ({
  by: 'define',
  body: morphCrd(type, generation),
})

/** Where server-side apply meets something else: client-side apply, subresources, versions, changing schemas. */
export const crossing: readonly ApplyCase[] = [
  {
    title: 'kubectl takes over what its client-side apply had set without conflict',
    source: docs('Upgrading from client-side apply'),
    steps: [byClient({ text: 'a' }), apply({ text: 'b' }, { as: 'kubectl' })],
  },
  {
    title: 'another manager does not',
    source: docs('Upgrading from client-side apply'),
    steps: [byClient({ text: 'a' }), apply({ text: 'b' })],
  },
  {
    title: 'kubectl does not take over what its client-side apply had not set',
    source: docs('Upgrading from client-side apply'),
    steps: [
      byClient({ text: 'a' }),
      merge({ spec: { other: 'x' } }),
      apply({ text: 'b', other: 'y' }, { as: 'kubectl' }),
    ],
  },
  {
    title: 'kubectl keeps the annotation of client-side apply up to date',
    source: docs('Downgrading to client-side apply'),
    steps: [byClient({ text: 'a', other: 'b' }), apply({ text: 'c' }, { as: 'kubectl' })],
  },
  {
    title: 'other managers leave that annotation alone',
    source: docs('Downgrading to client-side apply'),
    steps: [byClient({ text: 'a' }), apply({ other: 'c' })],
  },
  {
    title: 'status: applied through its subresource it is owned there',
    source: docs('Field management: subresource'),
    steps: [apply({ text: 'a' }), status({ phase: 'Ready' }), status({ phase: 'Gone' }, { as: 'cho' })],
  },
  {
    title: 'status: conditions of several managers stand side by side',
    source: docs('Merge strategy'),
    steps: [
      apply({ text: 'a' }),
      status({ conditions: [{ type: 'Ready', status: 'True' }] }),
      status({ conditions: [{ type: 'Live', status: 'False', message: 'no' }] }, { as: 'cho' }),
      status({ conditions: [] }),
    ],
  },
  {
    title: 'status: ignored and not owned where it is applied to the object itself',
    source: 'KEP-555: status wiping',
    steps: [
      { body: { spec: { text: 'a' }, status: { phase: 'Ready' } } },
      { body: { spec: { text: 'b' }, status: { phase: 'Ready' } } },
    ],
  },
  {
    title: 'spec and metadata: ignored and not owned where they are applied to the status',
    source: 'KEP-555: status wiping',
    steps: [
      apply({ text: 'a' }),
      {
        body: { metadata: { labels: { a: '1' } }, spec: { text: 'b' }, status: { phase: 'Ready' } },
        subresource: 'status',
      },
    ],
  },
  {
    title: 'status: the same manager owns its parts separately per subresource',
    source: docs('Field management: subresource'),
    steps: [apply({ text: 'a' }), status({ phase: 'Ready' }), apply({ other: 'b' }), read],
  },
  {
    title: 'status: an update through the subresource is listed with it',
    source: docs('Field management: subresource'),
    steps: [
      apply({ text: 'a' }),
      merge({ status: { phase: 'Ready' } }, { subresource: 'status' }),
      status({ phase: 'Other' }),
    ],
  },
  {
    title: 'status: applied to what does not exist it creates nothing',
    source: docs('Field management: subresource'),
    steps: [status({ phase: 'Ready' })],
  },
  {
    title: 'status: owned like any field where there is no subresource',
    source: docs('Field management'),
    kind: 'Plain',
    steps: [{ body: { spec: { text: 'a' }, status: { phase: 'Ready' } } }, { body: { spec: { text: 'a' } } }],
  },
  {
    title: 'scale: a change through it takes the replicas from their applier',
    source: docs('Using server-side apply in a controller: transferring ownership'),
    steps: [
      apply({ number: 3 }),
      merge({ spec: { replicas: 5 } }, { subresource: 'scale' }),
      apply({ number: 3 }),
      apply({ text: 'a' }),
    ],
  },
  {
    title: 'versions: what was applied in one is let go in another',
    source: 'KEP-555: version conversions',
    steps: [apply({ text: 'a', other: 'b' }), apply({ text: 'a' }, { version: 'v2' }), read],
  },
  {
    title: 'versions: an update in another version takes what it changes',
    source: 'KEP-555: version conversions',
    steps: [
      apply({ text: 'a', other: 'b' }),
      merge({ spec: { text: 'c' } }, { version: 'v2' }),
      apply({ text: 'a', other: 'b' }),
    ],
  },
  {
    title: 'versions: a body of another version than the path is refused',
    source: 'KEP-555: version conversions',
    steps: [{ body: { apiVersion: 'apply.example.org/v2', spec: { text: 'a' } } }],
  },
  {
    title: 'a body of another kind than the path is refused',
    source: 'KEP-555',
    steps: [apply({ text: 'a' }), { body: { kind: 'Plain', spec: { text: 'b' } } }],
  },
  {
    title: 'a body of another name than the path is refused',
    source: 'KEP-555',
    steps: [applyMeta({ name: 'another' }, { text: 'a' })],
  },
  {
    title: 'a body without kind is refused',
    source: 'KEP-555',
    steps: [{ text: 'apiVersion: apply.example.org/v1\nmetadata: {name: thing}\n# raw' }],
  },
  { title: 'an empty body is refused', source: 'KEP-555', steps: [{ text: '# raw' }] },
  { title: 'what is not YAML is refused', source: 'KEP-555', steps: [{ text: '{"apiVersion: # raw' }] },
  {
    title: 'a list that turns from atomic to map: the next apply takes it apart',
    source: docs('Compatibility across topology changes'),
    kind: 'Morph',
    steps: [
      define('atomic', 1),
      apply({
        list: [
          { name: 'a', value: '1' },
          { name: 'b', value: '2' },
        ],
      }),
      define('map', 2),
      apply({
        list: [
          { name: 'b', value: '2' },
          { name: 'c', value: '3' },
        ],
      }),
    ],
  },
  {
    title: 'a list that turns from atomic to map: another applier adds to it',
    source: docs('Compatibility across topology changes'),
    kind: 'Morph',
    steps: [
      define('atomic', 3),
      apply({ list: [{ name: 'a', value: '1' }] }),
      define('map', 4),
      apply({ list: [{ name: 'b', value: '2' }] }, { as: 'cho' }),
    ],
  },
  {
    title: 'a list that turns from map to atomic: the next apply replaces it',
    source: docs('Compatibility across topology changes'),
    kind: 'Morph',
    steps: [
      define('map', 5),
      apply({ list: [{ name: 'a', value: '1' }] }),
      apply({ list: [{ name: 'b', value: '2' }] }, { as: 'cho' }),
      define('atomic', 6),
      apply({ list: [{ name: 'c', value: '3' }] }),
      apply({ list: [{ name: 'c', value: '3' }] }, { force: true }),
    ],
  },
]
