import { Worker } from 'node:worker_threads'
import { badRequest } from '../../apimachinery/status-error.ts'
import type { Json } from '../../crds/meta/json.ts'
import type { DecodedBody } from './decode-yaml.ts'
import type { YamlAnswer } from './yaml-worker.ts'

/** Enough for the largest body that is taken; one that is made to need more is refused. */
const maxHeapMb = 512

/** Parses YAML in a thread of its own, so that nobody waits for it but who sent it. Throws BadRequest. */
export async function decodeYamlAside(text: string, signal?: AbortSignal): Promise<DecodedBody> {
  const worker = new Worker(new URL('./yaml-worker.ts', import.meta.url), {
    workerData: text,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
  })
  try {
    const answer = await answerOf(worker, signal)
    if ('refused' in answer) throw badRequest(answer.refused)
    return { value: JSON.parse(answer.json) as Json, duplicates: answer.duplicates }
  } finally {
    await worker.terminate()
  }
}

function answerOf(worker: Worker, signal: AbortSignal | undefined): Promise<YamlAnswer> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason as Error)
    if (signal?.aborted) return abort()
    signal?.addEventListener('abort', abort, { once: true })
    worker.once('message', (answer: YamlAnswer) => resolve(answer))
    worker.once('error', (error) => {
      const outOfMemory = (error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY'
      reject(outOfMemory ? badRequest('error parsing YAML: it takes too much memory; send JSON') : error)
    })
    worker.once('exit', () => {
      signal?.removeEventListener('abort', abort)
      reject(new Error('the thread that parses YAML ended without an answer'))
    })
  })
}
