import { EventEmitter } from 'node:events'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { prefixRange } from '../../../../apiserver/storage/etcd/etcd-keys.ts'
import { etcdVersion } from '../../../../apiserver/storage/etcd/etcd-version.ts'
import { ResponseQueue } from '../../../../apiserver/storage/etcd/response-queue.ts'

describe('what an etcd version is good for', () => {
  test.each([
    { text: '3.4.23', warns: true, isProgressReliable: false },
    { text: '3.4.25', warns: true, isProgressReliable: true },
    { text: '3.4.36', warns: false, isProgressReliable: true },
    { text: '3.5.7', warns: true, isProgressReliable: false },
    { text: '3.5.16', warns: true, isProgressReliable: true },
    { text: '3.5.18', warns: false, isProgressReliable: true },
    { text: '3.6.0-rc.1', warns: false, isProgressReliable: true },
    { text: '4.0.0', warns: false, isProgressReliable: true },
    { text: '3.3.27', warns: true, isProgressReliable: false },
    { text: '2.9.9', warns: true, isProgressReliable: false },
    { text: 'unknown', warns: true, isProgressReliable: false },
  ])('$text', ({ text, warns, isProgressReliable }) => {
    const version = etcdVersion(text)

    expect(version.isProgressReliable).toBe(isProgressReliable)
    expect(version.warning !== undefined).toBe(warns)
  })
})

describe('a prefix range', () => {
  test('holds exactly the keys with that prefix', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        (prefix, key) => {
          const { key: from, end } = prefixRange(prefix)
          const isInside = (bytes: Buffer) => bytes.compare(from) >= 0 && bytes.compare(end) < 0

          const bytes = Buffer.from(key)
          expect(isInside(bytes)).toBe(bytes.subarray(0, from.length).equals(from))
          expect(isInside(Buffer.from(prefix + key))).toBe(true)
        },
      ),
    )
  })
})

describe('a response queue', () => {
  const source = () => {
    const emitter = new EventEmitter()
    let paused = false
    const flow = { pause: () => void (paused = true), resume: () => void (paused = false) }
    return Object.assign(emitter, flow, { isPaused: () => paused })
  }

  test('holds the source up while the reader is behind', async () => {
    const stream = source()
    const queue = new ResponseQueue<number>()
    queue.attach(stream)
    for (let item = 0; item < 256; item++) stream.emit('data', item)
    expect(stream.isPaused()).toBe(true)

    for (let item = 0; item < 256; item++) expect(await queue.next()).toBe(item)
    const last = queue.next()
    expect(stream.isPaused()).toBe(false)
    stream.emit('data', 256)

    expect(await last).toBe(256)
  })

  test('gives what has come before it fails', async () => {
    const stream = source()
    const queue = new ResponseQueue<number>()
    queue.attach(stream)
    stream.emit('data', 1)
    stream.emit('error', new Error('cut'))
    stream.emit('end')

    expect(await queue.next()).toBe(1)
    await expect(queue.next()).rejects.toThrow('cut')
  })

  test('gives nothing more once it is ended', async () => {
    const stream = source()
    const queue = new ResponseQueue<number>()
    queue.attach(stream)
    const waiting = queue.next()
    queue.end()
    stream.emit('data', 1)

    expect(await waiting).toBeUndefined()
    expect(await queue.next()).toBeUndefined()
  })
})
