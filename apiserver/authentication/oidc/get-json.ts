import { request } from 'node:https'
import type { Clock } from '../../../apimachinery/clock.ts'

const timeoutMs = 10_000
const maxBytes = 1024 * 1024

/** Fetches JSON over https, without following redirects. Throws an Error that says what went wrong. */
export async function getJson(
  url: string,
  { ca, clock, signal }: { ca: string | undefined; clock: Clock; signal: AbortSignal },
): Promise<unknown> {
  const ending = new AbortController()
  const end = () => ending.abort()
  const cancel = clock.after(timeoutMs, end)
  signal.addEventListener('abort', end, { once: true })
  try {
    const text = await getText(url, ca, ending.signal)
    return JSON.parse(text) as unknown
  } catch (error) {
    const why = ending.signal.aborted ? 'no answer in time' : (error as Error).message
    throw new Error(`${url} cannot be read: ${why}`, { cause: error })
  } finally {
    cancel()
    signal.removeEventListener('abort', end)
  }
}

function getText(url: string, ca: string | undefined, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { accept: 'application/json', 'user-agent': 'kvorum-apiserver' }
    const options = { signal, headers, agent: false as const, minVersion: 'TLSv1.2' as const }
    const sent = request(url, { ...options, ...(ca !== undefined && { ca }) }, (response) => {
      if (response.statusCode !== 200) {
        response.resume()
        reject(new Error(`the answer is ${response.statusCode ?? 0}`))
        return
      }
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        chunks.push(chunk)
        if (size > maxBytes) response.destroy(new Error(`the answer is longer than ${maxBytes} bytes`))
      })
      response.on('error', reject)
      response.on('end', () => resolve(Buffer.concat(chunks).toString()))
    })
    sent.on('error', reject)
    sent.end()
  })
}
