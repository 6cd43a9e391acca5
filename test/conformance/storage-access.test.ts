import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Etcd3 } from 'etcd3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../apimachinery/clock.ts'
import { etcdStorage } from '../../apiserver/storage/etcd/etcd-storage.ts'
import { makeEtcdCertificates, type EtcdCertificates } from '../support/etcd-certificates.ts'
import { startEtcd } from '../support/etcd.ts'
import { collect, failure, fill, freshPrefix } from './storage-probes.ts'

describe('etcd with users and passwords', () => {
  test('a watch and writes go on when a restart has made the token invalid', async () => {
    const etcd = await startEtcd()
    const admin = new Etcd3({ hosts: [...etcd.endpoints] })
    await admin.role('root').create()
    await admin.user('root').create('secret')
    await admin.user('root').addRole('root')
    await admin.auth.authEnable()
    admin.close()
    const storage = etcdStorage({
      endpoints: etcd.endpoints,
      auth: { username: 'root', password: 'secret' },
      clock: systemClock,
    })
    const stranger = etcdStorage({ endpoints: etcd.endpoints, clock: systemClock })
    try {
      const prefix = freshPrefix()
      const collected = collect(storage, { prefix, afterRevision: await storage.currentRevision() }, 40)
      await fill(storage, `${prefix}a`, 20)

      await etcd.restart()
      await fill(storage, `${prefix}b`, 20)

      expect(new Set((await collected).map((event) => event.key)).size).toBe(40)
      expect(await failure(stranger.create(`${prefix}c`, Buffer.from('x')))).toBeInstanceOf(Error)
      expect((await storage.list(prefix)).items).toHaveLength(40)
    } finally {
      await storage.close()
      await stranger.close()
      await etcd.stop()
    }
  })
})

describe('etcd over TLS', () => {
  let directory: string
  let tls: EtcdCertificates
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etcd-tls-'))
    tls = await makeEtcdCertificates(directory)
  })
  afterAll(() => rm(directory, { recursive: true }))

  test('a client with a certificate of the authority gets in, one without does not', async () => {
    const etcd = await startEtcd({ tls })
    const ca = await readFile(tls.ca)
    const known = etcdStorage({
      endpoints: etcd.endpoints,
      tls: { ca, certificate: await readFile(tls.certificate), key: await readFile(tls.key) },
      clock: systemClock,
    })
    const unknown = etcdStorage({
      endpoints: etcd.endpoints,
      tls: { ca },
      clock: systemClock,
      patienceMs: 300,
    })
    try {
      const prefix = freshPrefix()
      const collected = collect(known, { prefix, afterRevision: await known.currentRevision() }, 10)
      await fill(known, prefix, 10)

      expect(await collected).toHaveLength(10)
      expect(await failure(unknown.get(prefix))).toMatchObject({ code: 'unavailable' })
    } finally {
      await known.close()
      await unknown.close()
      await etcd.stop()
    }
  })
})
