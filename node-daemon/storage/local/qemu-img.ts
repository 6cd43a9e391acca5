import { execFile } from 'node:child_process'
import { z } from 'zod'
import { checkVirtualSize, invalid } from '../headers/header-checks.ts'
import type { ImageFormat } from '../image-format.ts'
import { StorageDriverError } from '../storage-driver.ts'

// An image that needs more than this to be looked at or copied was made to hurt.
const memoryLimitBytes = 2 * 1024 ** 3
const inspectCpuSeconds = 30
const copyCpuSeconds = 6 * 3600
// Waiting for a storage that does not answer costs no CPU time, so that needs its own end.
const inspectMs = 10 * 60_000
const copyMs = 12 * 3600_000
const maxOutputBytes = 4 * 1024 ** 2

interface RunLimits {
  readonly cpuSeconds: number
  readonly wallMs: number
  /** Largest file that may be written. */
  readonly fileBytes?: number
  readonly signal?: AbortSignal | undefined
}

const inspecting = { cpuSeconds: inspectCpuSeconds, wallMs: inspectMs }
const copying = { cpuSeconds: copyCpuSeconds, wallMs: copyMs }

/** `qemu-img` as a child process with limits on memory, CPU time and file size. Paths are absolute. */
export interface QemuImg {
  /** Looks at untrusted bytes, read as `format` and nothing else. Throws an `invalid-image` StorageDriverError. */
  inspect(path: string, format: ImageFormat, signal?: AbortSignal): Promise<{ readonly virtualBytes: number }>
  /** Bytes that a qcow2 copy may come to take up. Throws an `invalid-image` StorageDriverError. */
  measure(path: string, format: ImageFormat, signal?: AbortSignal): Promise<number>
  convert(job: ConvertJob, signal?: AbortSignal): Promise<void>
  create(job: CreateJob, signal?: AbortSignal): Promise<void>
  resize(path: string, format: 'qcow2' | 'raw', bytes: number, signal?: AbortSignal): Promise<void>
}

export interface ConvertJob {
  readonly from: string
  readonly fromFormat: ImageFormat
  readonly to: string
  readonly toFormat: 'qcow2' | 'raw'
  readonly preallocate: boolean
  /** Largest size that the new file may have. */
  readonly maxFileBytes: number
}

export interface CreateJob {
  readonly path: string
  readonly format: 'qcow2' | 'raw'
  readonly bytes: number
  readonly preallocate: boolean
  /** A qcow2 file to lie over, relative to the new one's directory. */
  readonly backing?: string
}

export interface QemuImgOptions {
  /** Default `qemu-img`, as the path finds it. */
  readonly binary?: string
}

export function qemuImg(options: QemuImgOptions = {}): QemuImg {
  const run = (args: readonly string[], limits: RunLimits) =>
    runLimited(options.binary ?? 'qemu-img', args, limits)
  return {
    async inspect(path, format, signal) {
      const output = await run(['info', '--output=json', '-f', asDriver(format), path], {
        ...inspecting,
        signal,
      }).catch((error: unknown) => {
        throw asInvalid(error, format)
      })
      await run(['check', '-q', '-f', asDriver(format), path], { ...copying, signal }).catch(
        (error: unknown) => {
          if (!isHarmlessCheck(error)) throw asIncomplete(error)
        },
      )
      return { virtualBytes: checkInfo(output, path, asDriver(format)) }
    },
    async measure(path, format, signal) {
      const args = ['measure', '--output=json', '-f', asDriver(format), '-O', 'qcow2', path]
      const output = await run(args, { ...copying, signal }).catch((error: unknown) => {
        throw asInvalid(error, format)
      })
      const parsed = measured.safeParse(parseJson(output))
      if (!parsed.success) throw invalid(`the image cannot be read as ${format}`, { cause: parsed.error })
      return parsed.data.required
    },
    async convert(job, signal) {
      const formats = ['-f', asDriver(job.fromFormat), '-O', job.toFormat]
      await run(['convert', ...formats, ...preallocation(job.preallocate), job.from, job.to], {
        ...copying,
        fileBytes: job.maxFileBytes,
        signal,
      }).catch((error: unknown) => {
        throw asUnreadable(error)
      })
    },
    async create(job, signal) {
      const backing = job.backing === undefined ? [] : ['-F', 'qcow2', '-b', job.backing]
      const options = ['-f', job.format, ...preallocation(job.preallocate), ...backing]
      await run(['create', '-q', ...options, job.path, String(job.bytes)], {
        ...copying,
        signal,
      })
    },
    async resize(path, format, bytes, signal) {
      await run(['resize', '-q', '-f', format, path, String(bytes)], {
        ...inspecting,
        signal,
      })
    },
  }
}

/** A CD's image is to QEMU what any raw bytes are. */
const asDriver = (format: ImageFormat) => (format === 'iso' ? 'raw' : format)

const measured = z.object({ required: z.number().int().nonnegative() })

const preallocation = (wanted: boolean) => (wanted ? ['-o', 'preallocation=falloc'] : [])

function runLimited(binary: string, args: readonly string[], limits: RunLimits): Promise<string> {
  const prlimit = [
    `--as=${memoryLimitBytes}`,
    `--cpu=${limits.cpuSeconds}`,
    '--core=0',
    ...(limits.fileBytes === undefined ? [] : [`--fsize=${limits.fileBytes}`]),
    '--',
    binary,
  ]
  return new Promise((resolve, reject) => {
    execFile(
      'prlimit',
      [...prlimit, ...args],
      {
        maxBuffer: maxOutputBytes,
        timeout: limits.wallMs,
        killSignal: 'SIGKILL',
        env: { PATH: process.env['PATH'], LC_ALL: 'C' },
        ...(limits.signal && { signal: limits.signal }),
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        if (limits.signal?.aborted === true) return reject(limits.signal.reason as Error)
        reject(asDriverError(error, stderr, args[0] ?? ''))
      },
    )
  })
}

interface ChildFailure extends Error {
  readonly code?: number | string | null
  readonly signal?: NodeJS.Signals | null
}

function asDriverError(error: ChildFailure, stderr: string, command: string): StorageDriverError {
  if (error.code === 'ENOENT')
    return new StorageDriverError('unavailable', 'qemu-img or prlimit is not installed', { cause: error })
  const said = lastLine(stderr)
  if (/No space left on device|Disk quota exceeded|File too large/.test(said) || error.signal === 'SIGXFSZ')
    return new StorageDriverError('no-space', 'the storage domain has no space left', { cause: error })
  const how = typeof error.signal !== 'string' ? said : `it was ended by ${error.signal}`
  return new StorageDriverError('failed', `qemu-img ${command} failed: ${how}`, { cause: error })
}

function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').slice(0, 300)
}

function asInvalid(error: unknown, format: ImageFormat): unknown {
  if (!(error instanceof StorageDriverError) || error.code !== 'failed') return error
  return invalid(`the image cannot be read as ${format}`, { cause: error })
}

// Without this a qcow2 that was cut short would be read as zeros where its end is missing.
function asIncomplete(error: unknown): unknown {
  if (!(error instanceof StorageDriverError) || error.code !== 'failed') return error
  return invalid('the image is damaged or was cut short', { cause: error })
}

/** Compressed data are only looked at when they are copied. */
function asUnreadable(error: unknown): unknown {
  const isRead = error instanceof StorageDriverError && /error while reading/.test(error.message)
  return isRead ? invalid('the image has data that cannot be read: it is damaged', { cause: error }) : error
}

/** Exit codes of `qemu-img check`: 3 for clusters that are merely wasted, 63 for formats that have no check. */
function isHarmlessCheck(error: unknown): boolean {
  const child = error instanceof StorageDriverError ? (error.cause as ChildFailure) : undefined
  return child?.code === 3 || child?.code === 63
}

const info = z.object({
  format: z.string(),
  'virtual-size': z.number().int().nonnegative(),
  encrypted: z.boolean().optional(),
  'backing-filename': z.string().optional(),
  'full-backing-filename': z.string().optional(),
  'format-specific': z
    .object({
      data: z.object({
        'data-file': z.string().optional(),
        corrupt: z.boolean().optional(),
        'create-type': z.string().optional(),
        extents: z.array(z.object({ filename: z.string() })).optional(),
      }),
    })
    .optional(),
})

const singleFileVmdk = ['monolithicSparse', 'streamOptimized']

function checkInfo(output: string, path: string, format: Exclude<ImageFormat, 'iso'>): number {
  const parsed = info.safeParse(parseJson(output))
  if (!parsed.success) throw invalid(`the image cannot be read as ${format}`, { cause: parsed.error })
  const { data: found } = parsed
  if (found.format !== format) throw invalid(`the image is ${found.format}, not ${format}`)
  if (found['backing-filename'] !== undefined || found['full-backing-filename'] !== undefined)
    throw invalid('the image has a backing file: flatten it first, for example with qemu-img convert')
  if (found.encrypted === true) throw invalid('the image is encrypted')
  checkSpecific(found['format-specific']?.data ?? {}, path)
  checkVirtualSize(found['virtual-size'])
  return found['virtual-size']
}

type FormatSpecific = NonNullable<z.infer<typeof info>['format-specific']>['data']

function checkSpecific(specific: FormatSpecific, path: string): void {
  if (specific['data-file'] !== undefined)
    throw invalid('the image keeps its data in another file: convert it to a single file first')
  if (specific.corrupt === true) throw invalid('the image is marked as corrupt')
  const createType = specific['create-type']
  const spread = specific.extents?.some(({ filename }) => filename !== path) === true
  if (spread || (createType !== undefined && !singleFileVmdk.includes(createType)))
    throw invalid('the vmdk spreads over several files: convert it to one first')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
