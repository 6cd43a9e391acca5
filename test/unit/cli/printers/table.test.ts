import { describe, expect, test } from 'vitest'
import { formatColumns } from '../../../../cli/printers/columns.ts'
import { formatTable, table, type TableOptions } from '../../../../cli/printers/table.ts'

const machines = table.parse({
  kind: 'Table',
  columnDefinitions: [
    { name: 'Name', type: 'string' },
    { name: 'Phase', type: 'string', priority: 0 },
    { name: 'Memory', type: 'string', priority: 1 },
    { name: 'Age', type: 'date' },
  ],
  rows: [
    { cells: ['hello', 'Running', '128Mi', '5s'], object: { metadata: { name: 'hello', namespace: 'lab' } } },
    { cells: ['b', null, '', 7], object: { metadata: { name: 'b', namespace: 'default' } } },
  ],
})
const plain: TableOptions = { wide: false, withNamespace: false, headers: true }

const cases: [name: string, options: Partial<TableOptions>, expected: string[]][] = [
  ['columns of priority 0', {}, ['NAME    PHASE     AGE', 'hello   Running   5s', 'b       <none>    7']],
  [
    'every column when wide, and empty cells as <none>',
    { wide: true },
    ['NAME    PHASE     MEMORY   AGE', 'hello   Running   128Mi    5s', 'b       <none>    <none>   7'],
  ],
  [
    'namespaces in front',
    { withNamespace: true },
    [
      'NAMESPACE   NAME    PHASE     AGE',
      'lab         hello   Running   5s',
      'default     b       <none>    7',
    ],
  ],
  ['no headers', { headers: false }, ['hello   Running   5s', 'b       <none>    7']],
  [
    'the resource in front of names',
    { headers: false, namePrefix: 'vm/' },
    ['vm/hello   Running   5s', 'vm/b       <none>    7'],
  ],
]

describe('tables', () => {
  test.each(cases)('print %s', (_, options, expected) => {
    const text = formatTable(machines, machines.columnDefinitions, { ...plain, ...options })

    expect(text).toBe(expected.map((line) => `${line}\n`).join(''))
  })

  test('print rows of a watch, which come without columns, in the columns of the first answer', () => {
    const row = table.parse({ kind: 'Table', rows: [{ cells: ['hello', 'Stopped', '128Mi', '9s'] }] })

    const text = formatTable(row, machines.columnDefinitions, { ...plain, headers: false })

    expect(text).toBe('hello   Stopped   9s\n')
  })

  test('print nothing that could drive a terminal', () => {
    const row = table.parse({ kind: 'Table', rows: [{ cells: ['\u001b[2Jevil\r\n', 'a\u0007', '', ''] }] })

    const text = formatTable(row, machines.columnDefinitions, { ...plain, headers: false })

    expect(text).toBe(' [2Jevil     a    <none>\n')
  })

  test('refuse an answer that is no table', () => {
    expect(() => table.parse({ kind: 'VirtualMachineList', items: [] })).toThrow('Table')
  })
})

describe('columns', () => {
  test('are three spaces apart, with nothing after the last', () => {
    expect(
      formatColumns([
        ['a', 'bb', 'c'],
        ['aaa', 'b', ''],
      ]),
    ).toBe('a     bb   c\naaa   b\n')
  })

  test('of no rows are nothing', () => {
    expect(formatColumns([])).toBe('')
  })
})
