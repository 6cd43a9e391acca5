import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { applyCases } from './cases/cases.ts'
import { Cluster } from './cluster.ts'
import { installKinds, type Outcome, runCase } from './run-case.ts'

/**
 * What kube-apiserver 1.36 makes of the cases. With `KVORUM_TEST_KUBECONFIG` the cases run on that cluster instead of
 * a server of ours; with `KVORUM_TEST_RECORD=1` what it answers becomes what is expected.
 */
const observedFile = join(import.meta.dirname, 'observed.json')
const kubeconfig = process.env['KVORUM_TEST_KUBECONFIG']
const recording = process.env['KVORUM_TEST_RECORD'] === '1'

let server: TestApiServer | undefined
let cluster: Cluster
const observed = JSON.parse(await readFile(observedFile, 'utf8')) as Record<string, readonly Outcome[]>
const recorded: Record<string, readonly Outcome[]> = {}

beforeAll(async () => {
  if (kubeconfig === undefined) server = await startTestApiServer({ storage: 'etcd' })
  cluster = server ? new Cluster(server.adminKubeconfig) : await Cluster.fromFile(kubeconfig ?? '')
  await installKinds(cluster)
})

afterAll(async () => {
  cluster.close()
  await server?.close()
  if (recording) await writeFile(observedFile, `${JSON.stringify(recorded, undefined, 1)}\n`)
})

describe('server-side apply is that of Kubernetes', () => {
  test.each(applyCases)('$title', async (applyCase) => {
    const outcomes = await runCase(cluster, applyCase)
    recorded[applyCase.title] = outcomes
    expect(outcomes).toEqual(recording ? outcomes : observed[applyCase.title])
  })

  test('no two cases have the same title, and none is without an observation', () => {
    expect(Object.keys(recording ? recorded : observed).toSorted()).toEqual(
      applyCases.map(({ title }) => title).toSorted(),
    )
  })
})
