import type { TourCase } from '../tour.ts'
import { configMap } from './manifests.ts'

const event = (name: string, type: string, note: string) => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, namespace: 'team' },
  involvedObject: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'team', name: 'app', uid: '$APP_UID' },
  reason: 'Noticed',
  message: note,
  type,
  source: { component: 'tour' },
  firstTimestamp: '2026-01-02T03:04:05Z',
  lastTimestamp: '2026-01-02T03:04:05Z',
  count: 1,
})

export const events: readonly TourCase[] = [
  { run: 'get cm app -o jsonpath={.metadata.uid}', keep: 'APP_UID', out: /^[0-9a-f-]{36}$/ },
  { run: 'create -f -', input: event('first', 'Normal', 'somebody looked'), out: 'event/first created' },
  { run: 'create -f -', input: event('second', 'Warning', 'somebody frowned'), out: 'event/second created' },
  {
    run: 'get events',
    out: [
      /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE$/m,
      /Warning +Noticed +configmap\/app +somebody frowned/,
    ],
  },
  { run: 'get events --field-selector type=Warning -o name', out: 'event/second' },
  {
    run: 'get events --field-selector involvedObject.name=app,reason=Noticed -o name',
    out: 'event/first\nevent/second',
  },
  { run: 'get events --sort-by=.metadata.name -o name', out: 'event/first\nevent/second' },
  { run: 'get events.v1.events.k8s.io first -o jsonpath={.note}', out: 'somebody looked' },
  { run: 'describe cm app', out: /Normal +Noticed +\S+ +tour +somebody looked/ },
  {
    run: 'events',
    since: 26,
    out: [/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE$/m, /Normal +Noticed +ConfigMap\/app +somebody looked/],
  },
  {
    run: 'events --types=Warning --no-headers',
    since: 26,
    out: /^\S+ .*Warning +Noticed +ConfigMap\/app +somebody frowned\n$/,
  },
  { run: 'events --for=cm/app', since: 26, out: /somebody looked/ },
  {
    run: 'events --watch',
    since: 26,
    out: /somebody looked[\s\S]*somebody waved/,
    files: { 'third.json': event('third', 'Normal', 'somebody waved'), 'spare.json': configMap('spare', {}) },
    follow: { steps: [{ seen: /somebody looked/, run: 'create -f third.json' }], until: /somebody waved/ },
  },
  { run: 'events -A -o json', since: 26, out: [/"kind": "EventList"/, /"name": "third"/] },
]
