import type { Duplex } from 'node:stream'
import type { Hypervisor, HypervisorEvent } from '../../node-daemon/hypervisor/hypervisor.ts'

/** What a consumer of events has seen so far, and a way to wait for more. */
export function follow(hypervisor: Hypervisor) {
  const stop = new AbortController()
  const seen: HypervisorEvent[] = []
  const waiting = new Set<() => void>()
  const events = hypervisor.events(stop.signal)
  const reading = (async () => {
    for await (const event of events) {
      seen.push(event)
      for (const look of waiting) look()
    }
  })()
  return {
    seen,
    until(matches: (event: HypervisorEvent, index: number) => boolean): Promise<void> {
      return new Promise((resolve) => {
        const look = () => {
          if (!seen.some((event, index) => matches(event, index))) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      })
    },
    async stop() {
      stop.abort()
      await reading
    },
  }
}

/** Types on a console and collects what comes back until the text itself has. */
export function typed(console: Duplex, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    const read = (chunk: Buffer) => {
      output += chunk.toString('latin1')
      if (!output.includes(text)) return
      console.off('data', read)
      resolve(output)
    }
    console.on('data', read)
    console.once('error', reject)
    console.write(text)
  })
}

export function macFrom(uuid: string): string {
  const digits = uuid.slice(0, 6)
  return `52:54:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`
}
