import { apply, applyMeta, create, json, merge, read, remove, update, type ApplyCase } from '../apply-case.ts'

const docs = (section: string) => `kubernetes.io/docs/reference/using-api/server-side-apply: ${section}`

export const ownership: readonly ApplyCase[] = [
  {
    title: 'applying what does not exist creates it and owns what was applied',
    source: docs('Comparison with client-side apply'),
    steps: [apply({ text: 'a', struct: { a: '1' } })],
  },
  {
    title: 'defaults of a created object belong to nobody',
    source: docs('Field management'),
    steps: [apply({ text: 'a' }), apply({ text: 'a' }, { as: 'cho' })],
  },
  {
    title: 'a default that somebody applies is his from then on',
    source: docs('Field management'),
    steps: [apply({ text: 'a' }), apply({ defaulted: 'by the schema' }, { as: 'cho' })],
  },
  {
    title: 'applying the same again changes nothing, not even the resource version',
    source: docs('Field management'),
    steps: [apply({ text: 'a', items: [{ name: 'x' }] }), apply({ text: 'a', items: [{ name: 'x' }] })],
  },
  {
    title: 'a create owns what it sent and the defaults, as an update',
    source: docs('Field management'),
    steps: [create({ text: 'a', items: [{ name: 'x', value: '1' }] })],
  },
  {
    title: 'an update takes the fields that it changes from everybody',
    source: docs('Field management'),
    steps: [
      apply({ text: 'a', other: 'b' }),
      update({ spec: { text: 'changed', other: 'b', defaulted: 'by the schema' } }),
    ],
  },
  {
    title: 'an update that changes nothing takes nothing',
    source: docs('Field management'),
    steps: [apply({ text: 'a' }), update({ spec: { text: 'a', defaulted: 'by the schema' } })],
  },
  {
    title: 'an update that leaves a field out takes it from everybody',
    source: docs('Field management'),
    steps: [apply({ text: 'a', other: 'b' }), update({ spec: { other: 'b' } })],
  },
  {
    title: 'a merge patch owns what it changed, and drops what it set to null',
    source: docs('Field management'),
    steps: [apply({ text: 'a', other: 'b' }), merge({ spec: { text: 'patched', other: null } })],
  },
  {
    title: 'a JSON patch owns what it changed',
    source: docs('Field management'),
    steps: [apply({ text: 'a' }), json([{ op: 'add', path: '/spec/other', value: 'b' }])],
  },
  {
    title: 'a value that another manager applied differently is a conflict that names him and the field',
    source: docs('Conflicts'),
    steps: [apply({ text: 'a' }), apply({ text: 'b' }, { as: 'cho' })],
  },
  {
    title: 'a conflict with an update names the version and the time too',
    source: docs('Conflicts'),
    steps: [create({ text: 'a' }), apply({ text: 'b' })],
  },
  {
    title: 'several conflicts are counted and grouped by manager',
    source: docs('Conflicts'),
    steps: [
      apply({ text: 'a', other: 'a' }),
      apply({ struct: { a: '1' } }, { as: 'cho' }),
      apply({ text: 'b', other: 'b', struct: { a: '2' } }, { as: 'dan' }),
    ],
  },
  {
    title: 'a conflict keeps everything as it was',
    source: docs('Conflicts'),
    steps: [apply({ text: 'a' }), apply({ text: 'b', other: 'new' }, { as: 'cho' }), read],
  },
  {
    title: 'force takes the field over from its owner',
    source: docs('Conflicts'),
    steps: [apply({ text: 'a', other: 'b' }), apply({ text: 'b' }, { as: 'cho', force: true })],
  },
  {
    title: 'force takes only what is in conflict',
    source: docs('Conflicts'),
    steps: [apply({ text: 'a', other: 'b' }), apply({ text: 'b', other: 'b' }, { as: 'cho', force: true })],
  },
  {
    title: 'two managers who apply the same value share it',
    source: docs('Shared field ownership'),
    steps: [apply({ text: 'a' }), apply({ text: 'a' }, { as: 'cho' })],
  },
  {
    title: 'a shared field is changed by neither without conflict',
    source: docs('Shared field ownership'),
    steps: [
      apply({ text: 'a' }),
      apply({ text: 'a' }, { as: 'cho' }),
      apply({ text: 'b' }),
      apply({ text: 'b' }, { force: true }),
    ],
  },
  {
    title: 'a field that its only owner no longer applies goes',
    source: docs('Field management'),
    steps: [apply({ text: 'a', other: 'b' }), apply({ text: 'a' })],
  },
  {
    title: 'a field with another owner stays when one of them no longer applies it',
    source: docs('Field management'),
    steps: [apply({ text: 'a', other: 'b' }), apply({ other: 'b' }, { as: 'cho' }), apply({ text: 'a' })],
  },
  {
    title: 'a field that an updater owns as well stays when its applier lets go',
    source: docs('Transferring ownership'),
    steps: [
      apply({ text: 'a', other: 'b' }),
      merge({ spec: { other: 'c' } }),
      apply({ other: 'c', text: 'a' }),
      apply({ text: 'a' }),
    ],
  },
  {
    title: 'a field with a default gets it back when it is no longer applied',
    source: docs('Field management'),
    steps: [apply({ defaulted: 'mine', text: 'a' }), apply({ text: 'a' })],
  },
  {
    title: 'a struct goes with the last of its fields',
    source: docs('Field management'),
    steps: [apply({ text: 'a', struct: { inner: { c: '1' } } }), apply({ text: 'a' })],
  },
  {
    title: 'a struct stays for the fields of others',
    source: docs('Field management'),
    steps: [
      apply({ struct: { a: '1', inner: { c: '1' } } }),
      apply({ struct: { inner: { d: '2' } } }, { as: 'cho' }),
      apply({ text: 'a' }),
    ],
  },
  {
    title: 'a manager who applies nothing any more is forgotten',
    source: docs('Clearing managedFields'),
    steps: [apply({ text: 'a' }), apply({ other: 'b' }, { as: 'cho' }), { body: {} }],
  },
  {
    title: 'the whole spec may be let go',
    source: docs('Field management'),
    steps: [apply({ text: 'a', struct: { a: '1' } }), { body: {} }],
  },
  {
    title: 'applying in a dry run shows the result and keeps nothing',
    source: docs('Server-side apply: dry run'),
    steps: [
      apply({ text: 'a' }, { dryRun: true }),
      read,
      apply({ text: 'a' }),
      apply({ text: 'b', other: 'c' }, { dryRun: true }),
      read,
    ],
  },
  {
    title: 'a dry run meets conflicts as well',
    source: docs('Conflicts'),
    steps: [apply({ text: 'a' }), apply({ text: 'b' }, { as: 'cho', dryRun: true })],
  },
  {
    title: 'an object that was deleted is made anew by the next apply',
    source: docs('Comparison with client-side apply'),
    steps: [apply({ text: 'a', other: 'b' }), remove, apply({ text: 'a' })],
  },
  {
    title: 'the same name as applier and as updater is two managers',
    source: docs('Field management'),
    steps: [
      apply({ text: 'a' }),
      merge({ spec: { other: 'b' } }, { as: 'ann' }),
      apply({ text: 'a', other: 'c' }),
    ],
  },
  {
    title: 'empty labels are owned by nobody and not kept',
    source: docs('Field management'),
    steps: [applyMeta({ labels: {} }), applyMeta({ labels: { a: '1' } }), applyMeta({ labels: {} })],
  },
  {
    title: 'an apply without a field manager is refused',
    source: docs('API implementation: manager'),
    steps: [apply({ text: 'a' }, { as: '' })],
  },
  {
    title: 'force is for applies only',
    source: 'kubernetes.io/docs/reference/kubernetes-api: PatchOptions',
    steps: [create({ text: 'a' }), merge({ spec: { text: 'b' } }, { force: true })],
  },
  {
    title: 'metadata: labels and annotations are owned one by one',
    source: docs('Merge strategy'),
    steps: [
      applyMeta({ labels: { a: '1', b: '2' }, annotations: { x: 'y' } }),
      applyMeta({ labels: { b: '2', c: '3' } }, undefined, { as: 'cho' }),
      applyMeta({ labels: { a: '1' } }),
    ],
  },
  {
    title: 'a label in conflict is named by its path',
    source: docs('Conflicts'),
    steps: [
      applyMeta({ labels: { 'example.org/tier': 'front' } }),
      applyMeta({ labels: { 'example.org/tier': 'back' } }, undefined, { as: 'cho' }),
    ],
  },
  {
    title: 'finalizers are a set',
    source: docs('Merge strategy'),
    steps: [
      applyMeta({ finalizers: ['example.org/a'] }),
      applyMeta({ finalizers: ['example.org/b'] }, undefined, { as: 'cho' }),
      applyMeta({}),
    ],
  },
  {
    title: 'owner references merge by uid',
    source: docs('Merge strategy'),
    steps: [
      applyMeta({
        ownerReferences: [
          {
            apiVersion: 'example.org/v1',
            kind: 'Nobody',
            name: 'one',
            uid: '11111111-1111-4111-8111-111111111111',
          },
        ],
      }),
      applyMeta(
        {
          ownerReferences: [
            {
              apiVersion: 'example.org/v1',
              kind: 'Nobody',
              name: 'two',
              uid: '22222222-2222-4222-8222-222222222222',
            },
          ],
        },
        undefined,
        { as: 'cho' },
      ),
      applyMeta({}),
    ],
  },
  {
    title: 'name, namespace, apiVersion and kind are owned by nobody',
    source: docs('Field management'),
    steps: [applyMeta({}, { text: 'a' })],
  },
  {
    title: 'managedFields cannot be applied',
    source: docs('Clearing managedFields'),
    steps: [applyMeta({ managedFields: [{}] }, { text: 'a' })],
  },
  {
    title: 'an empty list of managedFields cannot be applied either',
    source: docs('Clearing managedFields'),
    steps: [applyMeta({ managedFields: [] }, { text: 'a' })],
  },
  {
    title: 'managedFields set to one empty entry forget everybody',
    source: docs('Clearing managedFields'),
    steps: [
      apply({ text: 'a' }),
      merge({ metadata: { managedFields: [{}] } }),
      apply({ text: 'b' }, { as: 'cho' }),
    ],
  },
  {
    title: 'managedFields set to an empty list forget everybody',
    source: docs('Clearing managedFields'),
    steps: [apply({ text: 'a' }), json([{ op: 'replace', path: '/metadata/managedFields', value: [] }])],
  },
  {
    title: 'managedFields removed by a merge patch are kept',
    source: docs('Clearing managedFields'),
    steps: [apply({ text: 'a' }), merge({ metadata: { managedFields: null } })],
  },
  {
    title: 'a uid that does not fit is a conflict',
    source: 'KEP-555: apply and uid',
    steps: [apply({ text: 'a' }), applyMeta({ uid: '33333333-3333-4333-8333-333333333333' }, { text: 'b' })],
  },
  {
    title: 'a uid of something that does not exist is a conflict',
    source: 'KEP-555: apply and uid',
    steps: [applyMeta({ uid: '33333333-3333-4333-8333-333333333333' }, { text: 'b' })],
  },
  {
    title: 'a resource version that is not the current one is a conflict',
    source: 'KEP-555: apply and resourceVersion',
    steps: [apply({ text: 'a' }), applyMeta({ resourceVersion: '1' }, { text: 'b' })],
  },
  {
    title: 'generation counts applies that change the spec only',
    source: docs('Field management'),
    steps: [
      apply({ text: 'a' }),
      applyMeta({ labels: { a: '1' } }, { text: 'a' }),
      applyMeta({ labels: { a: '1' } }, { text: 'b' }),
    ],
  },
]
