import { describe, expect, test } from 'vitest'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { parseDuration, parseGoal, wait } from '../../../../cli/commands/wait.ts'
import { aContext, fakeApi, machinesPath } from '../fake-api.ts'

function machine(ready: 'True' | 'False', resourceVersion = '7') {
  return {
    metadata: { name: 'a', resourceVersion },
    status: {
      conditions: [
        { type: 'Scheduled', status: 'True' },
        { type: 'Ready', status: ready },
      ],
    },
  }
}
const notFound = new StatusError('NotFound', 'virtualmachines.kvorum.dev "a" not found')
const list = (...items: object[]) => ({ body: { metadata: { resourceVersion: '41' }, items } })
const readyGoal = { for: 'condition=Ready', timeout: '30s' }

const goals: [goal: string, object: ReturnType<typeof machine> | undefined, holds: boolean][] = [
  ['condition=Ready', machine('True'), true],
  ['condition=Ready', machine('False'), false],
  ['condition=Ready=False', machine('False'), true],
  ['condition=Ready=false', machine('False'), true],
  ['condition=Missing', machine('True'), false],
  ['condition=Ready', undefined, false],
  ['delete', machine('True'), false],
  ['delete', undefined, true],
  ['create', machine('True'), true],
  ['create', undefined, false],
  ['jsonpath={.metadata.name}=a', machine('True'), true],
  ['jsonpath=.metadata.name=a', machine('True'), true],
  ['jsonpath={.metadata.name}="a"', machine('True'), true],
  ['jsonpath={.metadata.name}=b', machine('True'), false],
  ['jsonpath={.metadata.name}', machine('True'), true],
  ['jsonpath={.spec.nothing}', machine('True'), false],
  ['jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', machine('True'), true],
]

describe('goals', () => {
  test.each(goals)('%s of %j is %s', (goal, object, holds) => {
    expect(parseGoal(goal)(object)).toBe(holds)
  })

  test.each(['ready', 'condition', 'condition=', 'condition=A=B=C', 'jsonpath='])(
    '%s is refused with what is known',
    (goal) => {
      expect(() => parseGoal(goal)).toThrow(
        "use condition=NAME[=STATUS], jsonpath='{PATH}'[=VALUE], create or delete",
      )
    },
  )

  test('what was said about an older spec does not count', () => {
    const object = { ...machine('True'), metadata: { name: 'a', generation: 2 } }
    const said = (observedGeneration: number) => ({
      ...object,
      status: { ...object.status, observedGeneration },
    })

    expect([said(1), said(2)].map(parseGoal('condition=Ready'))).toEqual([false, true])
  })

  test('a field that finds several values, or an object, is refused', () => {
    expect(() => parseGoal('jsonpath={.status.conditions[*].type}=Ready')(machine('True'))).toThrow(
      'more than one value',
    )
    expect(() => parseGoal('jsonpath={.metadata}=x')(machine('True'))).toThrow('nested object')
  })
})

describe('durations', () => {
  test.each([
    ['0', 0],
    ['30', 30_000],
    ['30s', 30_000],
    ['500ms', 500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each(['', '-1s', '1d', '5 m', 'm'])('%j is refused', (text) => {
    expect(() => parseDuration(text)).toThrow('is not a duration: write 30s, 5m or 1h')
  })
})

describe('wait', () => {
  test('returns at once when the condition holds already', async () => {
    const api = fakeApi().answer('GET', machinesPath, list(machine('True')))
    const context = aContext(api)

    await wait(context, ['vm/a'], readyGoal)

    expect(context.printed()).toBe('virtualmachine.kvorum.dev/a condition met\n')
    expect(api.requests).toHaveLength(1)
  })

  test('watches from what it has read until the condition holds', async () => {
    const api = fakeApi()
      .answer('GET', machinesPath, list(machine('False')))
      .stream(machinesPath, [
        { type: 'BOOKMARK', object: machine('True', '42') },
        { type: 'MODIFIED', object: machine('True', '43') },
      ])
    const context = aContext(api)

    await wait(context, ['vm/a'], readyGoal)

    expect(context.printed()).toContain('condition met')
    expect(api.requests[1]?.query).toMatchObject({
      watch: 'true',
      resourceVersion: '41',
      fieldSelector: 'metadata.name=a',
    })
  })

  test('reads again when a watch ends or its history is gone', async () => {
    const api = fakeApi()
      .answer('GET', machinesPath, list(machine('False')), list(machine('False')), list(machine('True')))
      .stream(machinesPath, [], [{ type: 'ERROR', object: { code: 410 } }])
    const context = aContext(api)

    await wait(context, ['vm/a'], readyGoal)

    expect(context.printed()).toContain('condition met')
  })

  test('for deletion has nothing to say of what is gone already', async () => {
    const context = aContext(fakeApi().answer('GET', `${machinesPath}/a`, notFound))

    await wait(context, ['vm/a'], { for: 'delete', timeout: '30s' })

    expect(context.printed()).toBe('')
  })

  test('for deletion ends when the object goes', async () => {
    const context = aContext(
      fakeApi()
        .answer('GET', `${machinesPath}/a`, { body: machine('True') })
        .answer('GET', machinesPath, list(machine('True')))
        .stream(machinesPath, [{ type: 'DELETED', object: machine('True') }]),
    )

    await wait(context, ['vm', 'a'], { for: 'delete', timeout: '30s' })

    expect(context.printed()).toBe('virtualmachine.kvorum.dev/a condition met\n')
  })

  test('for creation may begin before the object is there', async () => {
    const context = aContext(
      fakeApi()
        .answer('GET', machinesPath, list())
        .stream(machinesPath, [{ type: 'ADDED', object: machine('False') }]),
    )

    await wait(context, ['vm/a'], { for: 'create', timeout: '30s' })

    expect(context.printed()).toBe('virtualmachine.kvorum.dev/a condition met\n')
  })

  test('waits for several objects at a time, and says which of them failed', async () => {
    const other = { ...machine('False'), metadata: { name: 'b' } }
    const api = fakeApi().answer('GET', machinesPath, list(machine('True')), list(other))
    const context = aContext(api)

    const waiting = wait(context, ['vm', 'a', 'b'], readyGoal).catch((error: Error) => error.message)
    await context.clock.timerSet((ms) => ms === 30_000)
    await context.clock.advance(30_000)

    expect(await waiting).toBe('timed out waiting for the condition on virtualmachines/b')
    expect(context.printed()).toBe('virtualmachine.kvorum.dev/a condition met\n')
  })

  test('fails for an object that is not there, and for one that goes while its condition is waited for', async () => {
    const missing = aContext(fakeApi().answer('GET', machinesPath, list()))
    const going = aContext(
      fakeApi()
        .answer('GET', machinesPath, list(machine('False')), list())
        .stream(machinesPath, [{ type: 'DELETED', object: machine('False') }]),
    )

    for (const context of [missing, going])
      await expect(wait(context, ['vm/a'], readyGoal)).rejects.toThrow(
        'virtualmachines.kvorum.dev "a" not found',
      )
  })

  test('needs names', async () => {
    await expect(wait(aContext(fakeApi()), ['vm'], readyGoal)).rejects.toThrow('no name was specified')
  })
})
