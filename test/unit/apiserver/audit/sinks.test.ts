import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../../../apimachinery/log.ts'
import { LogSink } from '../../../../apiserver/audit/log-sink.ts'
import { RotatingFile } from '../../../../apiserver/audit/rotating-file.ts'
import { WebhookSink } from '../../../../apiserver/audit/webhook-sink.ts'
import { WebhookError } from '../../../../apiserver/webhook/webhook-error.ts'
import { manualClock, settle } from '../../../support/clock.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-audit-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

describe('RotatingFile', () => {
  const options = (more: object = {}) => ({
    path: join(directory, 'audit.log'),
    maxBytes: 10,
    maxBackups: 2,
    maxAgeDays: 0,
    clock: manualClock(),
    ...more,
  })

  test('sets full files aside and keeps the newest of them', async () => {
    const clock = manualClock()
    const file = new RotatingFile(options({ clock }))
    for (const text of ['aaaaaa\n', 'bbbbbb\n', 'cccccc\n', 'dddddd\n']) {
      await file.append(Buffer.from(text))
      await clock.advance(1000)
    }
    await file.close()

    expect((await readdir(directory)).toSorted()).toEqual([
      'audit-2026-01-01T00-00-02.000.log',
      'audit-2026-01-01T00-00-03.000.log',
      'audit.log',
    ])
    expect(await readFile(join(directory, 'audit.log'), 'utf8')).toBe('dddddd\n')
    expect((await stat(join(directory, 'audit.log'))).mode & 0o777).toBe(0o600)
  })

  test('goes on where it was, and deletes what is too old', async () => {
    await writeFile(join(directory, 'audit.log'), 'old old old\n')
    await writeFile(join(directory, 'audit-2025-12-01T00-00-00.000.log'), '')
    await writeFile(join(directory, 'audit-2025-12-31T00-00-00.000.log'), '')
    await writeFile(join(directory, 'audit-of-something-else.log'), '')
    const file = new RotatingFile(options({ maxAgeDays: 7, maxBackups: 0 }))
    await file.append(Buffer.from('new\n'))
    await file.close()

    expect((await readdir(directory)).toSorted()).toEqual([
      'audit-2025-12-31T00-00-00.000.log',
      'audit-2026-01-01T00-00-00.000.log',
      'audit-of-something-else.log',
      'audit.log',
    ])
  })

  test('is not begun anew without a limit', async () => {
    const file = new RotatingFile(options({ maxBytes: 0 }))
    await file.append(Buffer.from('a'.repeat(100)))
    await file.append(Buffer.from('b'.repeat(100)))
    await file.close()
    await utimes(join(directory, 'audit.log'), 0, 0)

    expect(await readdir(directory)).toEqual(['audit.log'])
  })
})

describe('LogSink', () => {
  test('writes lines in order, those that pile up together, and drops what is too much', async () => {
    const written: string[] = []
    const gates: (() => void)[] = []
    const writer = {
      append: (bytes: Buffer) =>
        new Promise<void>((resolve) => {
          written.push(bytes.toString())
          gates.push(resolve)
        }),
      close: async () => {},
    }
    const sink = new LogSink(writer, { log: silentLogger, onLost() {} })
    sink.take('1')
    sink.take('2')
    await expect.poll(() => written).toEqual(['1\n2\n'])
    sink.take('3')
    const large = 'x'.repeat(1024 * 1024)
    let taken = 0
    while (sink.take(large)) taken += 1
    expect(taken).toBe(63)

    const closed = sink.close()
    let isClosed = false
    void closed.then(() => (isClosed = true))
    while (!isClosed) {
      for (const open of gates.splice(0)) open()
      await settle()
    }
    expect(written[1]).toBe('3\n')
    expect(written).toHaveLength(2 + 63)
  })

  test('counts what could not be written and goes on', async () => {
    let lost = 0
    const written: string[] = []
    const writer = {
      async append(bytes: Buffer) {
        if (lost === 0) throw new Error('no space left')
        written.push(bytes.toString())
      },
      close: async () => {},
    }
    const sink = new LogSink(writer, { log: silentLogger, onLost: (events) => void (lost += events) })
    sink.take('1')
    await expect.poll(() => lost).toBe(1)
    sink.take('2')
    await sink.close()

    expect(written).toEqual(['2\n'])
  })
})

describe('WebhookSink', () => {
  function setup(answers: ('ok' | WebhookError)[] = []) {
    const clock = manualClock()
    const sent: unknown[][] = []
    const lost: number[] = []
    const client = {
      async send(body: object) {
        const { items } = JSON.parse((body as Buffer).toString()) as { items: unknown[] }
        const answer = answers.shift() ?? 'ok'
        if (answer !== 'ok') throw answer
        sent.push(items)
        return { code: 200, contentType: '', body: Buffer.alloc(0) }
      },
      close() {},
    }
    const sink = new WebhookSink({
      client,
      clock,
      maxBatchSize: 2,
      maxWaitMs: 30_000,
      bufferSize: 5,
      initialBackoffMs: 10_000,
      log: silentLogger,
      onLost: (events) => lost.push(events),
    })
    return { clock, sent, lost, sink }
  }

  test('sends a full batch at once and a small one after a while', async () => {
    const { clock, sent, sink } = setup()
    for (const line of ['1', '2', '3']) sink.take(line)
    await expect.poll(() => sent).toEqual([[1, 2]])
    await clock.timerSet()
    await clock.advance(29_000)
    expect(sent).toHaveLength(1)
    await clock.advance(1000)
    expect(sent).toEqual([[1, 2], [3]])
    await sink.close()
  })

  test('tries again after a pause, and gives a batch up in the end', async () => {
    const busy = new WebhookError('status', 'busy', { code: 503 })
    const { clock, sent, lost, sink } = setup([busy, busy, 'ok', ...Array.from({ length: 5 }, () => busy)])
    for (const line of ['1', '2', '3', '4', '5', '6']) sink.take(line)
    for (let step = 0; step < 20; step++) await clock.advance(60_000)

    expect(sent).toEqual([[1, 2], [5]])
    expect(lost).toEqual([2])
    await sink.close()
  })

  test('an answer that will not change is not asked for again', async () => {
    const { clock, lost, sink } = setup([new WebhookError('status', 'no', { code: 400 })])
    sink.take('1')
    sink.take('2')
    await clock.advance(0)

    await expect.poll(() => lost).toEqual([2])
    await sink.close()
  })

  test('a full buffer drops, and closing sends what is left', async () => {
    const { sent, sink } = setup()
    const taken = ['1', '2', '3', '4', '5', '6'].map((line) => sink.take(line))
    expect(taken).toEqual([true, true, true, true, true, false])
    await sink.close()

    expect(sent).toEqual([[1, 2], [3, 4], [5]])
    expect(sink.take('7')).toBe(false)
  })
})
