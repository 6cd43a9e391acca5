import { apply, create, json, merge, read, update, type ApplyCase } from '../apply-case.ts'

const strategy = 'kubernetes.io/docs/reference/using-api/server-side-apply: Merge strategy'
const smd = (what: string) => `sigs.k8s.io/structured-merge-diff: ${what}`

export const merging: readonly ApplyCase[] = [
  {
    title: 'map: keys of several managers stand side by side',
    source: strategy,
    steps: [
      apply({ map: { a: '1' } }),
      apply({ map: { b: '2' } }, { as: 'cho' }),
      apply({ map: { c: '3' } }),
    ],
  },
  {
    title: 'map: a key in conflict is named',
    source: strategy,
    steps: [apply({ map: { a: '1' } }), apply({ map: { a: '2' } }, { as: 'cho' })],
  },
  {
    title: 'map: keys with dots and slashes',
    source: strategy,
    steps: [apply({ map: { 'a.b/c': '1' } }), apply({ map: { 'a.b/c': '2' } }, { as: 'cho' })],
  },
  {
    title: 'map of structs: fields of one entry have owners of their own',
    source: strategy,
    steps: [
      apply({ mapOfStructs: { x: { a: '1' } } }),
      apply({ mapOfStructs: { x: { b: '2' }, y: { a: '3' } } }, { as: 'cho' }),
      apply({ text: 'a' }),
    ],
  },
  {
    title: 'atomic map: replaced as a whole and owned as a whole',
    source: strategy,
    steps: [
      apply({ atomicMap: { a: '1' } }),
      apply({ atomicMap: { a: '1', b: '2' } }),
      apply({ atomicMap: { b: '2' } }, { as: 'cho' }),
      apply({ atomicMap: { b: '2' } }, { as: 'cho', force: true }),
    ],
  },
  {
    title: 'atomic struct: replaced as a whole',
    source: strategy,
    steps: [
      apply({ atomicStruct: { a: '1', b: '2' } }),
      apply({ atomicStruct: { a: '1' } }),
      merge({ spec: { atomicStruct: { b: '3' } } }),
    ],
  },
  {
    title: 'struct: fields of several managers stand side by side',
    source: strategy,
    steps: [
      apply({ struct: { a: '1' } }),
      apply({ struct: { b: '2', inner: { d: '4' } } }, { as: 'cho' }),
      apply({ struct: { a: '1', inner: { c: '3' } } }),
    ],
  },
  {
    title: 'atomic list: replaced as a whole and owned as a whole',
    source: strategy,
    steps: [
      apply({ atomicList: ['a', 'b'] }),
      apply({ atomicList: ['b', 'c'] }),
      apply({ atomicList: ['c'] }, { as: 'cho' }),
    ],
  },
  {
    title: 'a list without a list type is atomic',
    source: strategy,
    steps: [
      apply({ plainList: ['a'], listOfStructs: [{ a: '1', b: '2' }] }),
      apply({ plainList: ['b'], listOfStructs: [{ a: '1' }] }),
    ],
  },
  {
    title: 'an atomic list may hold the same twice',
    source: strategy,
    steps: [apply({ atomicList: ['a', 'a'] })],
  },
  {
    title: 'an atomic list that nobody applies any more goes',
    source: strategy,
    steps: [apply({ text: 'a', atomicList: ['a'] }), apply({ text: 'a' })],
  },
  {
    title: 'set: members of several managers add up',
    source: strategy,
    steps: [apply({ set: ['a', 'b'] }), apply({ set: ['c', 'b'] }, { as: 'cho' }), apply({ set: ['a'] })],
  },
  {
    title: 'set: a member goes when its last owner lets go',
    source: strategy,
    steps: [apply({ set: ['a', 'b', 'c'] }), apply({ set: ['c', 'a'] })],
  },
  {
    title: 'set: the order is that of the applier, others keep their places',
    source: smd('order of set and map lists'),
    steps: [apply({ set: ['a', 'b', 'c'] }), apply({ set: ['c', 'x', 'a'] }, { as: 'cho' })],
  },
  {
    title: 'set: a new order alone is a change',
    source: smd('order of set and map lists'),
    steps: [apply({ set: ['a', 'b', 'c'] }), apply({ set: ['c', 'b', 'a'] })],
  },
  { title: 'set: a member twice is refused', source: smd('duplicates'), steps: [apply({ set: ['a', 'a'] })] },
  {
    title: 'set of numbers: members are told by value',
    source: smd('sets of scalars'),
    steps: [apply({ numbers: [1, 2] }), apply({ numbers: [2, 3] }, { as: 'cho' }), apply({ numbers: [1] })],
  },
  {
    title: 'map list: items are told by key, and fields owned one by one',
    source: strategy,
    steps: [
      apply({ items: [{ name: 'x', value: '1' }] }),
      apply({ items: [{ name: 'x', other: '2' }, { name: 'y' }] }, { as: 'cho' }),
      apply({ items: [{ name: 'z' }] }),
    ],
  },
  {
    title: 'map list: a field of an item in conflict is named with the key',
    source: strategy,
    steps: [
      apply({ items: [{ name: 'x', value: '1' }] }),
      apply({ items: [{ name: 'x', value: '2' }] }, { as: 'cho' }),
    ],
  },
  {
    title: 'map list: an item goes with its last owner',
    source: strategy,
    steps: [apply({ items: [{ name: 'x' }, { name: 'y' }] }), apply({ items: [{ name: 'y' }] })],
  },
  {
    title: 'map list: an item whose key another manager applied stays',
    source: strategy,
    steps: [
      apply({ items: [{ name: 'x', value: '1' }] }),
      apply({ items: [{ name: 'x' }] }, { as: 'cho' }),
      apply({ text: 'a' }),
    ],
  },
  {
    title: 'map list: the order is that of the applier, others keep their places',
    source: smd('order of set and map lists'),
    steps: [
      apply({ items: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }),
      apply({ items: [{ name: 'c' }, { name: 'x' }, { name: 'a' }] }, { as: 'cho' }),
    ],
  },
  {
    title: 'map list: new items of an applier come after those that are there',
    source: smd('order of set and map lists'),
    steps: [create({ items: [{ name: 'a' }, { name: 'b' }] }), apply({ items: [{ name: 'new' }] })],
  },
  {
    title: 'map list: an item twice is refused',
    source: smd('duplicates'),
    steps: [apply({ items: [{ name: 'x' }, { name: 'x' }] })],
  },
  {
    title: 'map list: an item without its key is refused',
    source: smd('keys'),
    steps: [apply({ items: [{ value: '1' }] })],
  },
  {
    title: 'map list with several keys: items differ when one key does',
    source: strategy,
    steps: [
      apply({
        ports: [
          { port: 53, protocol: 'TCP' },
          { port: 53, protocol: 'UDP', name: 'dns' },
        ],
      }),
      apply({ ports: [{ port: 53, protocol: 'UDP', name: 'other' }] }, { as: 'cho' }),
    ],
  },
  {
    title: 'map list: a key that was left out takes its default',
    source: smd('defaulted keys'),
    steps: [
      apply({ ports: [{ port: 80, name: 'web' }] }),
      apply({ ports: [{ port: 80, protocol: 'TCP', name: 'web' }] }, { as: 'cho' }),
      apply({ ports: [{ port: 80, name: 'web' }] }),
    ],
  },
  {
    title: 'map list: left out and given the default key is the same item',
    source: smd('defaulted keys'),
    steps: [apply({ ports: [{ port: 80 }, { port: 80, protocol: 'TCP' }] })],
  },
  {
    title: 'nested lists merge on every level',
    source: strategy,
    steps: [
      apply({ items: [{ name: 'x', tags: ['a'], children: [{ id: 1, value: 'one' }] }] }),
      apply(
        { items: [{ name: 'x', tags: ['b'], children: [{ id: 2, value: 'two' }, { id: 1 }] }] },
        { as: 'cho' },
      ),
      apply({ items: [{ name: 'x', tags: ['a'] }] }),
      apply({ items: [{ name: 'x', children: [{ id: 2, value: 'three' }] }] }),
    ],
  },
  {
    title: 'null: a nullable field holds it',
    source: smd('null values'),
    steps: [
      apply({ nullable: null, text: 'a' }),
      apply({ nullable: 'set', text: 'a' }),
      apply({ nullable: null, text: 'a' }),
    ],
  },
  {
    title: 'null: for a field that is not nullable',
    source: smd('null values'),
    steps: [
      apply({ text: null, other: 'b' }),
      apply({ text: 'a', other: 'b' }),
      apply({ text: null, other: 'b' }),
    ],
  },
  {
    title: 'null: for a field with a default',
    source: smd('null values'),
    steps: [apply({ defaulted: null }), apply({ defaulted: 'mine' }), apply({ defaulted: null })],
  },
  {
    title: 'null: a create drops what an apply may not say',
    source: 'kubernetes.io/docs: CustomResourceDefinition defaulting and nullable',
    steps: [create({ text: null, nullable: null, defaulted: null, struct: null })],
  },
  {
    title: 'null: for a label',
    source: smd('null values'),
    steps: [{ body: { metadata: { labels: { a: null } } } }],
  },
  {
    title: 'null: for a struct',
    source: smd('null values'),
    steps: [apply({ struct: { a: '1' } }), apply({ struct: null })],
  },
  {
    title: 'null: for a map list',
    source: smd('null values'),
    steps: [apply({ items: [{ name: 'x' }] }), apply({ items: null })],
  },
  {
    title: 'empty: a struct without fields is owned itself',
    source: smd('empty values'),
    steps: [apply({ struct: {} }), apply({ struct: { a: '1' } }), apply({ struct: {} })],
  },
  {
    title: 'empty: a map without keys',
    source: smd('empty values'),
    steps: [apply({ map: {} }), apply({ map: { a: '1' } }, { as: 'cho' }), apply({ text: 'a' })],
  },
  {
    title: 'empty: a list without items',
    source: smd('empty values'),
    steps: [
      apply({ items: [], set: [], atomicList: [] }),
      apply({ items: [{ name: 'x' }] }, { as: 'cho' }),
      apply({ items: [], set: [] }),
    ],
  },
  {
    title: 'empty: an empty map leaves the keys of others alone',
    source: smd('empty values'),
    steps: [create({ map: { a: '1' } }), apply({ map: {} })],
  },
  {
    title: 'empty: the whole configuration',
    source: smd('empty values'),
    steps: [{ body: {} }, apply({}), read],
  },
  {
    title: 'int or string: a change of type is a change',
    source: smd('scalars'),
    steps: [
      apply({ intOrString: 80 }),
      apply({ intOrString: '80' }),
      apply({ intOrString: 80 }, { as: 'cho' }),
    ],
  },
  {
    title: 'numbers: 1 and 1.0 are the same',
    source: smd('scalars'),
    steps: [apply({ ratio: 1, number: 5 }), { text: 'spec: {ratio: 1.0, number: 5}', as: 'cho' }],
  },
  {
    title: 'unknown fields: refused by name',
    source: 'KEP-555: schema',
    steps: [apply({ text: 'a', unheard: 'of' })],
  },
  {
    title: 'unknown fields: refused even when validation is off',
    source: 'KEP-555: schema',
    steps: [apply({ struct: { nor: 'this' } }, { fieldValidation: 'Ignore' })],
  },
  {
    title: 'fields given twice are refused',
    source: 'KEP-2885: duplicate fields',
    steps: [{ text: 'spec:\n  text: a\n  text: b\n' }],
  },
  {
    title: 'a value of the wrong type is refused: objects and lists',
    source: smd('validation'),
    steps: [apply({ text: { not: 'text' } }), apply({ set: 'no list' }), apply({ struct: ['no', 'struct'] })],
  },
  {
    title: 'a scalar of the wrong type is left to validation',
    source: smd('validation'),
    steps: [apply({ number: 'five' }), apply({ flag: 'yes' })],
  },
  {
    title: 'values of the wrong type in maps, sets and items are named with their place',
    source: smd('validation'),
    steps: [
      apply({ map: { a: 1 } }),
      apply({ set: [1] }),
      apply({ items: [{ name: 'x', value: 1.5, tags: [{ a: [true, null] }] }] }),
      apply({ intOrString: { a: 1 } }),
      apply({ number: [1] }),
      { body: { metadata: { labels: { a: 1 } } } },
      { body: { metadata: { finalizers: 'x' } } },
    ],
  },
  {
    title: 'preserved unknown fields: objects merge, lists are atomic',
    source: 'kubernetes.io/docs: x-kubernetes-preserve-unknown-fields',
    steps: [
      apply({ free: { a: { b: '1' }, list: [1, 2] } }),
      apply({ free: { a: { c: '2' } } }, { as: 'cho' }),
      apply({ free: { list: [2, 3] } }),
    ],
  },
  {
    title: 'preserved unknown fields: a conflict deep inside is named',
    source: 'kubernetes.io/docs: x-kubernetes-preserve-unknown-fields',
    steps: [apply({ free: { a: { b: '1' } } }), apply({ free: { a: { b: '2' } } }, { as: 'cho' })],
  },
  {
    title: 'preserved unknown fields: known fields keep their list type',
    source: 'kubernetes.io/docs: x-kubernetes-preserve-unknown-fields',
    steps: [
      apply({ partlyFree: { known: ['a'], more: ['x'] } }),
      apply({ partlyFree: { known: ['b'], more: ['y'] } }, { as: 'cho' }),
      apply({ partlyFree: { known: ['b'] } }, { as: 'cho' }),
    ],
  },
  {
    title: 'an updater may leave duplicates that an applier cannot, and applies go on',
    source: smd('duplicates'),
    steps: [
      create({ atomicList: ['a', 'a'], set: ['a'] }),
      json([{ op: 'add', path: '/spec/set/-', value: 'b' }]),
      apply({ set: ['c'] }),
    ],
  },
  {
    title: 'a field removed by an update can be applied anew',
    source: strategy,
    steps: [
      apply({ map: { a: '1', b: '2' } }),
      json([{ op: 'remove', path: '/spec/map/a' }]),
      apply({ map: { a: '1', b: '2' } }),
    ],
  },
  {
    title: 'an item removed by an update can be applied anew',
    source: strategy,
    steps: [
      apply({ items: [{ name: 'x' }, { name: 'y' }] }),
      update({ spec: { items: [{ name: 'y' }], defaulted: 'by the schema' } }),
      apply({ items: [{ name: 'x' }, { name: 'y' }] }),
    ],
  },
]
