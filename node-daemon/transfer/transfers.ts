import type { WebSocket } from 'ws'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { badRequest, notFound, StatusError } from '../../apimachinery/status-error.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import type { StorageDriver } from '../storage/storage-driver.ts'
import { sendDownload } from './download-socket.ts'
import type { UploadDesk } from './upload-desk.ts'
import { receiveUpload } from './upload-socket.ts'

/** What goes on with a client once the connection has become a WebSocket. */
export type Accept = (client: WebSocket) => void

/** This host's objects as far as transfers go. */
export interface TransferObjects {
  findImage(namespace: string, name: string): Stored<Image> | undefined
  findDisk(namespace: string, name: string): Stored<Disk> | undefined
  /** Whether a run of this host has the disk open, or is about to. */
  diskInUse(key: string): boolean
  /** The driver of a domain that is ready here. */
  driver(domain: string): StorageDriver | undefined
}

export interface TransferDeps {
  /** Undefined while the daemon is starting. */
  readonly objects: () => TransferObjects | undefined
  readonly desk: UploadDesk
  readonly clock: Clock
  readonly log: Logger
}

const transferPath = /^\/v1alpha1\/namespaces\/([^/]+)\/(images|disks)\/([^/]+)\/(upload|download)$/

/** Uploads of images and downloads of disks by path; undefined for a path that is neither. Throws a StatusError. */
export function transfers(deps: TransferDeps): (path: string) => Accept | undefined {
  return (path) => {
    const [, namespace = '', resource, name = '', verb] = transferPath.exec(path) ?? []
    const objects = deps.objects()
    if (resource === undefined) return undefined
    if (objects === undefined) throw new StatusError('ServiceUnavailable', 'the daemon is starting')
    const key = { namespace: decodeURIComponent(namespace), name: decodeURIComponent(name) }
    if (resource === 'images' && verb === 'upload') return upload(objects, key, deps)
    if (resource === 'disks' && verb === 'download') return download(objects, key, deps)
    return undefined
  }
}

interface Key {
  readonly namespace: string
  readonly name: string
}

function upload(objects: TransferObjects, { namespace, name }: Key, deps: TransferDeps): Accept {
  const image = objects.findImage(namespace, name)
  if (image === undefined) throw notFound({ group: 'kvorum.dev', resource: 'images' }, name)
  if (image.spec.source.upload === undefined)
    throw badRequest(`image ${name} comes from somewhere else: only one with source.upload can be uploaded`)
  const { phase } = image.status ?? {}
  if (phase === 'Ready' || phase === 'Failed' || image.metadata.deletionTimestamp !== undefined)
    throw new StatusError('Conflict', `image ${name} takes no upload any more: it is ${phase ?? 'Deleting'}`)
  return (client) => receiveUpload(client, image.metadata.uid, deps)
}

function download(objects: TransferObjects, { namespace, name }: Key, { clock, log }: TransferDeps): Accept {
  const disk = objects.findDisk(namespace, name)
  if (disk === undefined) throw notFound({ group: 'kvorum.dev', resource: 'disks' }, name)
  if (disk.status?.phase !== 'Ready') throw badRequest(`disk ${name} is not ready`)
  if (objects.diskInUse(`${namespace}/${name}`))
    throw new StatusError('Conflict', `disk ${name} is in use: stop its machine first`)
  const driver = objects.driver(disk.spec.storageDomain.name)
  if (driver === undefined)
    throw new StatusError('ServiceUnavailable', `storage domain ${disk.spec.storageDomain.name} is not ready`)
  const key = { kind: 'disk', uid: disk.metadata.uid } as const
  return (client) =>
    sendDownload(client, {
      clock,
      log,
      prepare: (signal) => driver.exportDisk(key, signal),
      done: () => driver.removeExport(key),
    })
}
