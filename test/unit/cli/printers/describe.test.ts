import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../../crds/meta/json.ts'
import { formatDescription } from '../../../../cli/printers/describe.ts'
import { type EventLine, eventLine } from '../../../../cli/printers/event-lines.ts'

const machine = {
  apiVersion: 'kvorum.dev/v1alpha1',
  kind: 'VirtualMachine',
  metadata: {
    name: 'hello',
    namespace: 'default',
    labels: { tier: 'front', app: 'web' },
    annotations: { note: 'short', text: 'two\nlines\n' },
    managedFields: [{ manager: 'kubectl' }],
    creationTimestamp: '2026-01-01T00:00:00Z',
    generation: 2,
    uid: 'u',
  },
  spec: { power: 'Running', disks: [{ name: 'root', bootOrder: 1 }], tags: ['a', 'b'] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', message: 'It runs.' }] },
}

const anEvent = (event: Partial<EventLine>): EventLine => ({
  type: 'Normal',
  reason: 'Started',
  age: '5s',
  from: 'node-daemon',
  message: 'Machine runs',
  object: 'virtualmachine/hello',
  namespace: 'default',
  lastSeen: 0,
  ...event,
})

describe('description', () => {
  test('shows the whole object, sorted and indented, without what only machines read', () => {
    expect(formatDescription(machine, [])).toBe(`Name:         hello
Namespace:    default
Labels:       app=web
              tier=front
Annotations:  note: short
              text:
                two
                lines
API Version:  kvorum.dev/v1alpha1
Kind:         VirtualMachine
Metadata:
  Creation Timestamp:  2026-01-01T00:00:00Z
  Generation:          2
  UID:                 u
Spec:
  Disks:
    Boot Order:  1
    Name:        root
  Power:         Running
  Tags:
    a
    b
Status:
  Conditions:
    Message:  It runs.
    Status:   True
    Type:     Ready
  Phase:      Running
Events:       <none>
`)
  })

  test('tells the story in Events', () => {
    const events = [
      anEvent({}),
      anEvent({ type: 'Warning', reason: 'Crashed', age: '1s (x3 over 1m)', message: 'Two\nlines' }),
    ]

    const lines = formatDescription(machine, events).split('\n')

    expect(lines.slice(lines.indexOf('Events:'))).toEqual([
      'Events:',
      '  Type     Reason   Age              From         Message',
      '  ----     ------   ----             ----         -------',
      '  Normal   Started  5s               node-daemon  Machine runs',
      '  Warning  Crashed  1s (x3 over 1m)  node-daemon  Two lines',
      '',
    ])
  })

  test('of a Secret tells how long its values are and never what they are', () => {
    const secret: JsonObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: { name: 's', namespace: 'default' },
      data: { password: Buffer.from('hunter2').toString('base64') },
    }

    const text = formatDescription(secret, [])

    expect(text).toContain('password:  7 bytes')
    expect(text).not.toMatch(/hunter2|aHVudGVyMg/)
  })

  test('sends nothing to the terminal that it would obey', () => {
    const named = { ...machine, spec: { power: '\u001b[2J' } }

    expect(formatDescription(named, [])).toContain('Power:  ^[[2J')
  })
})

describe('events', () => {
  const now = Date.UTC(2026, 0, 1, 0, 10)
  const at = (minute: number) => `2026-01-01T00:0${minute}:00Z`

  test.each<[string, object, string]>([
    ['once', { firstTimestamp: at(9), lastTimestamp: at(9), count: 1 }, '60s'],
    ['several times', { firstTimestamp: at(1), lastTimestamp: at(9), count: 4 }, '60s (x4 over 9m)'],
    ['in a series', { eventTime: at(1), series: { count: 7, lastObservedTime: at(8) } }, '2m (x7 over 9m)'],
    ['at a time that is not known', {}, '<unknown>'],
  ])('that happened %s', (_, event, age) => {
    expect(eventLine(event, now).age).toBe(age)
  })
})
