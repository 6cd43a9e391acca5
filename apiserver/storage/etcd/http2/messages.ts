import type {
  GuardedResponse,
  GuardedWrite,
  KeyValue,
  RangeRequest,
  RangeResponse,
  WatchEvent,
  WatchRequest,
  WatchResponse,
} from '../etcd-member.ts'
import { framePrefix, ProtoReader, ProtoWriter } from './proto.ts'

/* Messages of etcd's protocol (rpc.proto and kv.proto), as far as they are used. Requests are whole gRPC frames. */

const compareModRevision = 2
const nothing = Buffer.alloc(0)

function request(size = 64): ProtoWriter {
  return new ProtoWriter(size, framePrefix)
}

export const emptyRequest = request().framed()

export function rangeRequest({ key, end, limit, revision, keysOnly, countOnly }: RangeRequest): Buffer {
  return request(key.length + (end?.length ?? 0) + 64)
    .bytes(1, key)
    .bytes(2, end)
    .number(3, limit)
    .number(4, revision)
    .bool(8, keysOnly)
    .bool(9, countOnly)
    .framed()
}

export function rangeResponse(message: Buffer): RangeResponse {
  const reader = new ProtoReader(message)
  const items: KeyValue[] = []
  let revision = 0
  let count = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) revision = headerRevision(reader.bytes())
    else if (field === 2) items.push(keyValue(reader.bytes()))
    else if (field === 4) count = reader.number()
    else reader.skip()
  }
  return { revision, items, count }
}

/** One transaction: write when the key is at the revision, else read it. */
export function guardedWrite({ key, expectedRevision, put }: GuardedWrite): Buffer {
  const size = key.length + 48
  const compare = new ProtoWriter(size).number(2, compareModRevision).bytes(3, key)
  // The field is part of a choice, so that a zero has to be written too.
  const guard = expectedRevision === 0 ? zeroModRevision(compare) : compare.number(6, expectedRevision).done()
  const operation = put
    ? new ProtoWriter(size + put.value.length).bytes(1, key).bytes(2, put.value).id(3, put.lease).done()
    : new ProtoWriter(size).bytes(1, key).done()
  const success = new ProtoWriter(operation.length + 16).message(put ? 2 : 3, operation).done()
  const failure = new ProtoWriter(size).message(1, new ProtoWriter(size).bytes(1, key).done()).done()
  return request(guard.length + success.length + failure.length + 64)
    .message(1, guard)
    .message(2, success)
    .message(3, failure)
    .framed()
}

function zeroModRevision(compare: ProtoWriter): Buffer {
  return Buffer.concat([compare.done(), Buffer.from([6 * 8, 0])])
}

export function guardedResponse(message: Buffer): GuardedResponse {
  const reader = new ProtoReader(message)
  let revision = 0
  let succeeded = false
  let current: KeyValue | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) revision = headerRevision(reader.bytes())
    else if (field === 2) succeeded = reader.number() !== 0
    else if (field === 3) current = firstOfRange(reader.bytes())
    else reader.skip()
  }
  return { revision, succeeded, current: succeeded ? undefined : current }
}

function firstOfRange(operation: Buffer): KeyValue | undefined {
  const reader = new ProtoReader(operation)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) return rangeResponse(reader.bytes()).items[0]
    reader.skip()
  }
  return undefined
}

export function compactRequest(revision: number): Buffer {
  return request().number(1, revision).framed()
}

export function leaseRequest(ttlSeconds: number): Buffer {
  return request().number(1, ttlSeconds).framed()
}

export function leaseId(message: Buffer): string {
  return fieldOf(message, 2, (reader) => reader.id()) ?? ''
}

export function serverVersion(message: Buffer): string {
  return fieldOf(message, 2, (reader) => reader.text()) ?? ''
}

export function authenticateRequest(name: string, password: string): Buffer {
  return request().text(1, name).text(2, password).framed()
}

export function authenticationToken(message: Buffer): string {
  return fieldOf(message, 2, (reader) => reader.text()) ?? ''
}

export function watchRequest({ key, end, startRevision }: WatchRequest): Buffer {
  const create = new ProtoWriter(key.length + end.length + 64)
    .bytes(1, key)
    .bytes(2, end)
    .number(3, startRevision)
    .bool(4, true) // progress notifications
    .bool(8, true) // fragments
    .done()
  return request(create.length + 16)
    .message(1, create)
    .framed()
}

export function watchResponse(message: Buffer): WatchResponse {
  const reader = new ProtoReader(message)
  const response = {
    created: false,
    canceled: false,
    cancelReason: '',
    compactRevision: 0,
    fragment: false,
    revision: 0,
    events: [] as WatchEvent[],
  }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) response.revision = headerRevision(reader.bytes())
    else if (field === 3) response.created = reader.number() !== 0
    else if (field === 4) response.canceled = reader.number() !== 0
    else if (field === 5) response.compactRevision = reader.number()
    else if (field === 6) response.cancelReason = reader.text()
    else if (field === 7) response.fragment = reader.number() !== 0
    else if (field === 11) response.events.push(watchEvent(reader.bytes()))
    else reader.skip()
  }
  return response
}

function watchEvent(message: Buffer): WatchEvent {
  const reader = new ProtoReader(message)
  let isDeletion = false
  let item: KeyValue = { key: nothing, value: nothing, createRevision: 0, modRevision: 0 }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) isDeletion = reader.number() === 1
    else if (field === 2) item = keyValue(reader.bytes())
    else reader.skip()
  }
  return { isDeletion, item }
}

function keyValue(message: Buffer): KeyValue {
  const reader = new ProtoReader(message)
  let key: Buffer = nothing
  let value: Buffer = nothing
  let createRevision = 0
  let modRevision = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.bytes()
    else if (field === 2) createRevision = reader.number()
    else if (field === 3) modRevision = reader.number()
    else if (field === 5) value = reader.bytes()
    else reader.skip()
  }
  return { key, value, createRevision, modRevision }
}

function headerRevision(header: Buffer): number {
  return fieldOf(header, 3, (reader) => reader.number()) ?? 0
}

function fieldOf<T>(message: Buffer, wanted: number, read: (reader: ProtoReader) => T): T | undefined {
  const reader = new ProtoReader(message)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === wanted) return read(reader)
    reader.skip()
  }
  return undefined
}
