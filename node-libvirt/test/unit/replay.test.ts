import { describe, expect, test } from 'vitest'
import { LibvirtConnection, parseUri } from '../../src/index.ts'
import { loadRecording, printable, replayTransport } from '../fixtures/recording.ts'
import type { Recording } from '../fixtures/recording.ts'
import { scenarios } from '../fixtures/scenarios.ts'

/** Recorded conversations with a real libvirtd: any drift of the codecs shows as other bytes or another result. */
describe.each(Object.entries(scenarios))('the recorded conversation with %s', (name, scenario) => {
  const play = async (recording: Recording) => {
    const { transport, isComplete } = replayTransport(recording)
    const connection = await LibvirtConnection.over(transport, parseUri(scenario.uri).name, {
      keepAlive: false,
    })
    await connection.call('connectGetLibVersion')
    const result = printable(await scenario.run(connection))
    await connection.close()
    return { result, complete: isComplete() }
  }

  test('sends the same bytes and decodes the same values', async () => {
    const recording = loadRecording(name)
    expect(await play(recording)).toEqual({ result: recording.result, complete: true })
  })

  test('does not depend on how the answers arrive', async () => {
    const recording = loadRecording(name)
    const exchange = recording.exchange.flatMap(([direction, text]): (readonly ['>' | '<', string])[] => {
      if (direction === '>') return [[direction, text]]
      const bytes = Buffer.from(text, 'base64')
      const pieces: (readonly ['<', string])[] = []
      for (let at = 0; at < bytes.length; at += 11)
        pieces.push(['<', bytes.subarray(at, at + 11).toString('base64')])
      return pieces
    })
    expect(await play({ ...recording, exchange })).toEqual({ result: recording.result, complete: true })
  })

  test('notices one changed byte of an argument', async () => {
    const recording = loadRecording(name)
    const index = recording.exchange.findIndex(([direction], at) => direction === '>' && at > 8)
    const exchange = recording.exchange.map(([direction, text], at) => {
      if (at !== index) return [direction, text] as const
      const bytes = Buffer.from(text, 'base64')
      bytes[15] = (bytes[15] ?? 0) ^ 1
      return [direction, bytes.toString('base64')] as const
    })
    const outcome = await play({ ...recording, exchange }).catch((error: unknown) => String(error))
    expect(outcome).not.toEqual({ result: recording.result, complete: true })
  })
})
