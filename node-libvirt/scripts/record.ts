/** Records the conversations of `test/fixtures/scenarios.ts` with the machine's libvirtd. Run: `node scripts/record.ts`. */
import { mkdir, rm } from 'node:fs/promises'
import { LibvirtConnection, connectTransport, parseUri } from '../src/index.ts'
import { printable, recordingTransport, saveRecording } from '../test/fixtures/recording.ts'
import { scenarios } from '../test/fixtures/scenarios.ts'

await mkdir('/var/tmp/nlv-recorded', { recursive: true })
for (const [name, scenario] of Object.entries(scenarios)) {
  const endpoint = parseUri(scenario.uri)
  const exchange: (readonly ['>' | '<', string])[] = []
  const transport = await connectTransport(endpoint.transport, { signal: new AbortController().signal })
  const recorded = recordingTransport(transport, exchange)
  const connection = await LibvirtConnection.over(recorded, endpoint.name, { keepAlive: false })
  const { libVer } = await connection.call('connectGetLibVersion')
  const result = printable(await scenario.run(connection))
  await connection.close()
  saveRecording(name, { note: `libvirtd ${libVer}, ${scenario.uri}`, exchange, result })
}
await rm('/var/tmp/nlv-recorded', { recursive: true, force: true })
