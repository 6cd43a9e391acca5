import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LibvirtConnection, parseUri } from '../../src/index.ts'
import { ProtocolError } from '../../src/errors.ts'
import { procedures } from '../../src/generated/procedures.ts'
import { XdrReader } from '../../src/xdr.ts'
import { fuzz } from '../fixtures/fuzz.ts'
import { loadRecording, replayTransport } from '../fixtures/recording.ts'
import { scenarios } from '../fixtures/scenarios.ts'

/** The long run is `scripts/fuzz.ts`; these are the same inputs, a few seconds of them. */
test('damaged input raises ProtocolError or decodes, and nothing else', () => {
  expect(fuzz(20_260_101, (runs) => runs === 60_000).findings).toEqual([])
})

test('noise raises ProtocolError or decodes, in every decoder', () => {
  const decoders = Object.values(procedures).flatMap(({ decode }) => (decode === undefined ? [] : [decode]))
  fc.assert(
    fc.property(fc.constantFrom(...decoders), fc.uint8Array({ maxLength: 400 }), (decode, bytes) => {
      let error: unknown
      try {
        decode(new XdrReader(Buffer.from(bytes)))
      } catch (thrown) {
        error = thrown
      }
      expect(error === undefined || error instanceof ProtocolError).toBe(true)
    }),
    { numRuns: 3000 },
  )
})

test('a conversation with one damaged answer ends: no hang, no other error than ours', async () => {
  const [name, scenario] = Object.entries(scenarios)[0] ?? []
  if (name === undefined || scenario === undefined) throw new Error('no scenario')
  const recording = loadRecording(name)
  const answers = recording.exchange.flatMap(([direction], index) => (direction === '<' ? [index] : []))
  const damage = fc.tuple(fc.constantFrom(...answers), fc.nat(200), fc.integer({ min: 1, max: 255 }))
  await fc.assert(
    fc.asyncProperty(damage, async ([index, at, change]) => {
      const exchange = recording.exchange.map(([direction, text], position) => {
        if (position !== index) return [direction, text] as const
        const bytes = Buffer.from(text, 'base64')
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ change
        return [direction, bytes.toString('base64')] as const
      })
      const { transport } = replayTransport({ ...recording, exchange })
      const limits = { keepAlive: { interval: 10, count: 2 } }
      const outcome = await LibvirtConnection.over(transport, parseUri(scenario.uri).name, limits)
        .then(async (connection) => {
          await connection.call('connectGetLibVersion')
          await scenario.run(connection)
          connection.rpc.destroy()
          return 'ended'
        })
        .catch((error: unknown) => (error instanceof Error ? error.name : String(error)))
      expect([
        'ended',
        'DisconnectedError',
        'ProtocolError',
        'LibvirtError',
        'TypeError',
        'AuthenticationError',
      ]).toContain(outcome)
    }),
    { numRuns: 150 },
  )
}, 60_000)
