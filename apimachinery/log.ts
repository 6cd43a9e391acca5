import { pino } from 'pino'

/** Structured logging: a constant message, capital first and no period, and the rest as fields. */
export interface Logger {
  debug(message: string, fields?: object): void
  info(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  error(message: string, fields?: object): void
  /** A logger that adds `fields` to every line. */
  child(fields: object): Logger
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** JSON lines on standard error; an `error` field is written with its stack and causes. */
export function jsonLogger(level: LogLevel, fields: object = {}): Logger {
  const root = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, errorKey: 'error' },
    pino.destination({ fd: 2, sync: true }),
  )
  return wrap(root.child(fields))
}

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
}

function wrap(inner: pino.Logger): Logger {
  return {
    debug: (message, fields) => inner.debug(fields ?? {}, message),
    info: (message, fields) => inner.info(fields ?? {}, message),
    warn: (message, fields) => inner.warn(fields ?? {}, message),
    error: (message, fields) => inner.error(fields ?? {}, message),
    child: (fields) => wrap(inner.child(fields)),
  }
}
