import { UsageError } from './usage-error.ts'

const maxBytes = 16 << 20
const timeoutMs = 30_000
const maxRedirects = 5

/** The text behind an `https:` URL. Throws UsageError for other schemes, large answers and whatever fails. */
export async function fetchManifest(address: string, signal: AbortSignal): Promise<string> {
  let url = address
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    if (new URL(url).protocol !== 'https:') throw new UsageError(`${url}: only https: URLs are read`)
    const response = await fetchOne(url, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
    const location = response.headers.get('location')
    if (response.status < 300 || response.status >= 400 || location === null) return bodyOf(url, response)
    await response.body?.cancel()
    url = new URL(location, url).href
  }
  throw new UsageError(`${address}: redirected more than ${maxRedirects} times`)
}

async function fetchOne(url: string, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { redirect: 'manual', signal })
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    throw new UsageError(
      `${url}: cannot be read: ${cause instanceof Error ? cause.message : 'unknown failure'}`,
    )
  }
}

async function bodyOf(url: string, response: Response): Promise<string> {
  if (!response.ok) throw new UsageError(`${url}: the server answered ${response.status}`)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new UsageError(`${url} is larger than ${maxBytes >> 20} MiB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
