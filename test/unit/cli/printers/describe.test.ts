import { describe, expect, test } from 'vitest'
import { formatDescription } from '../../../../cli/printers/describe.ts'

const machine = {
  apiVersion: 'kvorum.dev/v1alpha1',
  kind: 'VirtualMachine',
  metadata: {
    name: 'hello',
    namespace: 'default',
    labels: { app: 'web', tier: 'front' },
    managedFields: [{ manager: 'kubectl' }],
    creationTimestamp: '2026-01-01T00:00:00Z',
    generation: 2,
  },
  spec: { power: 'Running', disks: [{ name: 'root', bootOrder: 1 }], tags: ['a', 'b'] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', message: 'It runs.' }] },
}

describe('description', () => {
  test('shows the whole object, indented, without what only machines read', () => {
    expect(formatDescription(machine, [])).toBe(`Name:          hello
Namespace:     default
Labels:        app=web,tier=front
Annotations:   <none>
API Version:   kvorum.dev/v1alpha1
Kind:          VirtualMachine
Metadata:
  Creation Timestamp: 2026-01-01T00:00:00Z
  Generation:    2
Spec:
  Power:         Running
  Disks:
    Name:          root
    Boot Order:    1
  Tags:
    a
    b
Status:
  Phase:         Running
  Conditions:
    Type:          Ready
    Status:        True
    Message:       It runs.
Events:  <none>
`)
  })

  test('tells the story in Events', () => {
    const events = [
      { type: 'Normal', reason: 'Started', age: '5s', from: 'node-daemon', message: 'Machine runs' },
      { type: 'Warning', reason: 'Crashed', age: '1s (x3)', from: 'controllers', message: 'Two\nlines' },
    ]

    const lines = formatDescription(machine, events).split('\n')

    expect(lines.slice(lines.indexOf('Events:'))).toEqual([
      'Events:',
      '   Type      Reason    Age       From          Message',
      '   ----      ------    ----      ----          -------',
      '   Normal    Started   5s        node-daemon   Machine runs',
      '   Warning   Crashed   1s (x3)   controllers   Two lines',
      '',
    ])
  })

  test('of a cluster-scoped object names no namespace', () => {
    const host = { apiVersion: 'kvorum.dev/v1alpha1', kind: 'Host', metadata: { name: 'host-1' } }

    expect(formatDescription(host, [])).not.toContain('Namespace')
  })
})
