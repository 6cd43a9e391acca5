export { LibvirtHost } from './host.ts'
export type { HostOptions, HostState } from './host.ts'
export type { HostEvent, ListenOptions, ResyncEvent } from './event-hub.ts'
export type { EventKind } from './event-kinds.ts'
export { LibvirtConnection } from './connection.ts'
export type {
  Args,
  CallArguments,
  CallName,
  ConnectOptions,
  ProcedureName,
  Ret,
  StreamCallOptions,
} from './connection.ts'
export { RpcConnection } from './rpc-connection.ts'
export type { OpenedStream, RpcConnectionOptions } from './rpc-connection.ts'
export type { CallOptions } from './call-queue.ts'
export type { KeepAliveOptions } from './keepalive.ts'
export type { Procedure } from './procedure.ts'
export { LibvirtStream, StreamHole } from './stream.ts'
export {
  AuthenticationError,
  DisconnectedError,
  LibvirtError,
  OverloadedError,
  ProtocolError,
  TimeoutError,
  UnsupportedError,
} from './errors.ts'
export { enumName } from './enum-name.ts'
export { parseUri } from './uri.ts'
export type { Endpoint } from './uri.ts'
export { connectTransport } from './connect-transport.ts'
export type { TlsCredentials } from './connect-tls.ts'
export type { Transport } from './transport.ts'
export { typedParam, typedParams } from './typed-params.ts'
export type { TypedParamValue } from './typed-params.ts'
export type { TypedParam } from './typed-param-codec.ts'
export { procedures } from './generated/procedures.ts'
export type * from './generated/types.ts'
export * from './generated/constants.ts'
export { readTypedParams } from './typed-param-getters.ts'
export type { TypedParamGetter } from './typed-param-getters.ts'
export { migrateToUri3 } from './migrate.ts'
export type { MigrateOptions } from './migrate.ts'
