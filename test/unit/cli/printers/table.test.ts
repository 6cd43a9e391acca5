import { describe, expect, test } from 'vitest'
import { alignTabs, tableTabs } from '../../../../cli/printers/tab-writer.ts'
import { type Row, table, tableLines, type TableOptions } from '../../../../cli/printers/table.ts'

const machines = table.parse({
  kind: 'Table',
  columnDefinitions: [
    { name: 'Name', type: 'string', format: 'name' },
    { name: 'Phase', type: 'string', priority: 0 },
    { name: 'Memory', type: 'string', priority: 1 },
    { name: 'Age', type: 'date' },
  ],
  rows: [
    {
      cells: ['hello', 'Running', '128Mi', '5s'],
      object: { metadata: { name: 'hello', namespace: 'lab', labels: { b: '2', 'x/a': '1' } } },
    },
    { cells: ['b', null, '', 7], object: { metadata: { name: 'b', namespace: 'default' } } },
  ],
})
const columns = machines.columnDefinitions ?? []
const plain: TableOptions = { wide: false, withNamespace: false, headers: true }

const format = (rows: readonly Row[], options: Partial<TableOptions> = {}) =>
  alignTabs(tableLines(rows, columns, { ...plain, ...options }), tableTabs)

const cases: [name: string, options: Partial<TableOptions>, expected: string[]][] = [
  ['columns of priority 0', {}, ['NAME    PHASE     AGE', 'hello   Running   5s', 'b                 7']],
  [
    'every column when wide',
    { wide: true },
    ['NAME    PHASE     MEMORY   AGE', 'hello   Running   128Mi    5s', 'b                          7'],
  ],
  [
    'namespaces in front',
    { withNamespace: true },
    [
      'NAMESPACE   NAME    PHASE     AGE',
      'lab         hello   Running   5s',
      'default     b                 7',
    ],
  ],
  ['no headers', { headers: false }, ['hello   Running   5s', 'b                 7']],
  [
    'the resource in front of names',
    { headers: false, namePrefix: 'vm/' },
    ['vm/hello   Running   5s', 'vm/b                 7'],
  ],
  [
    'a column per label, empty where there is none, and all of them',
    { labelColumns: ['x/a'], showLabels: true },
    [
      'NAME    PHASE     AGE   A     LABELS',
      'hello   Running   5s    1     b=2,x/a=1',
      'b                 7           <none>',
    ],
  ],
  [
    'what happened',
    { event: 'MODIFIED' },
    [
      'EVENT        NAME    PHASE     AGE',
      'MODIFIED     hello   Running   5s',
      'MODIFIED     b                 7',
    ],
  ],
]

describe('tables', () => {
  test.each(cases)('print %s', (_, options, expected) => {
    expect(format(machines.rows ?? [], options)).toBe(expected.map((line) => `${line}\n`).join(''))
  })

  test('print nothing that could drive a terminal, and one line per row', () => {
    const rows = [{ cells: ['\u001b[2Jevil', 'a\u0007', '', 'first\nsecond'] }]

    expect(format(rows, { headers: false })).toBe('^[[2Jevil   a     first...\n')
  })

  test('of no rows are nothing, not even headers', () => {
    expect(format([])).toBe('')
  })

  test('refuse an answer that is no table', () => {
    expect(() => table.parse({ kind: 'VirtualMachineList', items: [] })).toThrow('Table')
  })
})

describe('tabs', () => {
  test('align what stands together, and nothing across a line without them', () => {
    const text = 'Name:\tx\nLabels:\n  app:\tweb\n  long-name:\ty\nEnd:\t\tz\n'

    expect(alignTabs(text, { minWidth: 0, padding: 2 })).toBe(
      'Name:  x\nLabels:\n  app:        web\n  long-name:  y\nEnd:            z\n',
    )
  })

  test('remember widths from one call to the next', () => {
    const remembered: number[] = []
    const line = (text: string) => alignTabs(text, { ...tableTabs, remembered })

    expect([line('longer-name\tx\n'), line('a\ty\n')]).toEqual(['longer-name   x\n', 'a             y\n'])
  })

  test('count characters, not code units', () => {
    expect(alignTabs('grün😀\tx\nabc\ty\n', { minWidth: 0, padding: 1 })).toBe('grün😀 x\nabc   y\n')
  })
})
