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
const path = `${machinesPath}/a`
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
]

describe('goals', () => {
  test.each(goals)('%s of %j is %s', (goal, object, holds) => {
    expect(parseGoal(goal)(object)).toBe(holds)
  })

  test.each(['ready', 'condition', 'condition=', 'jsonpath={.a}', 'condition=A=B=C'])(
    '%s is refused with what is known',
    (goal) => {
      expect(() => parseGoal(goal)).toThrow('use condition=NAME[=STATUS] or delete')
    },
  )
})

describe('durations', () => {
  test.each([
    ['0', 0],
    ['30', 30_000],
    ['30s', 30_000],
    ['500ms', 500],
    ['5m', 300_000],
    ['1h', 3_600_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each(['', '-1s', '1d', '1.5s', '5 m', 'm'])('%j is refused', (text) => {
    expect(() => parseDuration(text)).toThrow('is not a duration: write 30s, 5m or 1h')
  })
})

describe('wait', () => {
  test('returns at once when the condition holds already', async () => {
    const api = fakeApi().answer('GET', path, { body: machine('True') })
    const context = aContext(api)

    await wait(context, ['vm/a'], readyGoal)

    expect(context.printed()).toBe('virtualmachine.kvorum.dev/a condition met\n')
    expect(api.requests).toHaveLength(1)
  })

  test('watches from what it has read until the condition holds', async () => {
    const api = fakeApi()
      .answer('GET', path, { body: machine('False', '41') })
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
      .answer('GET', path, { body: machine('False') }, { body: machine('False') }, { body: machine('True') })
      .stream(machinesPath, [], [{ type: 'ERROR', object: { code: 410 } }])
    const context = aContext(api)

    await wait(context, ['vm/a'], readyGoal)

    expect(context.printed()).toContain('condition met')
  })

  test('takes an object that is gone, before or during the wait, for deleted', async () => {
    const gone = aContext(fakeApi().answer('GET', path, notFound))
    const going = aContext(
      fakeApi()
        .answer('GET', path, { body: machine('True') })
        .stream(machinesPath, [{ type: 'DELETED', object: machine('True') }]),
    )

    await wait(gone, ['vm/a'], { for: 'delete', timeout: '30s' })
    await wait(going, ['vm', 'a'], { for: 'delete', timeout: '30s' })

    expect([gone.printed(), going.printed()]).toEqual([
      'virtualmachine.kvorum.dev/a deleted\n',
      'virtualmachine.kvorum.dev/a deleted\n',
    ])
  })

  test('fails for an object that is not there, and for one that goes while its condition is waited for', async () => {
    const missing = aContext(fakeApi().answer('GET', path, notFound))
    const going = aContext(
      fakeApi()
        .answer('GET', path, { body: machine('False') }, notFound)
        .stream(machinesPath, [{ type: 'DELETED', object: machine('False') }]),
    )

    for (const context of [missing, going])
      await expect(wait(context, ['vm/a'], readyGoal)).rejects.toThrow('virtualmachines "a" not found')
  })

  test('gives up when its time is over', async () => {
    const context = aContext(fakeApi().answer('GET', path, { body: machine('False') }))

    const waiting = wait(context, ['vm/a'], readyGoal).catch((error: Error) => error.message)
    await context.clock.timerSet((ms) => ms === 30_000)
    await context.clock.advance(30_000)

    expect(await waiting).toBe('timed out waiting for virtualmachines/a')
    expect(context.printed()).toBe('')
  })

  test('needs names', async () => {
    await expect(wait(aContext(fakeApi()), ['vm'], readyGoal)).rejects.toThrow('wait needs names: TYPE/NAME')
  })
})
