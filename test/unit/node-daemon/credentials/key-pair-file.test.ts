import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../../apimachinery/clock.ts'
import { createAuthority } from '../../../../apiserver/certificates/authority.ts'
import { keyPairFile } from '../../../../node-daemon/credentials/key-pair-file.ts'

let directory: string
let path: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-pair-'))
  path = join(directory, 'pki', 'node-client.pem')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const aPair = () => createAuthority(systemClock, 'x', 1)

test('a key pair is read as it was written, by its owner alone', async () => {
  const pair = await aPair()

  await keyPairFile(path).write(pair)

  const { certificate, key } = (await keyPairFile(path).read()) ?? {}
  expect([certificate?.trim(), key?.trim()]).toEqual([pair.certificate.trim(), pair.key.trim()])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('nothing is read where nothing was written', async () => {
  expect(await keyPairFile(path).read()).toBeUndefined()
})

test('half a file, or a key of something else, counts as nothing', async () => {
  const pair = await aPair()
  await keyPairFile(path).write(pair)
  const whole = await readFile(path, 'utf8')

  await writeFile(path, whole.slice(0, whole.length / 2))
  expect(await keyPairFile(path).read()).toBeUndefined()

  await writeFile(path, `${pair.certificate}\n${(await aPair()).key}`)
  expect(await keyPairFile(path).read()).toBeUndefined()
})
