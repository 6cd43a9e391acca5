import { spawn } from 'node:child_process'
import type { KubeObject } from './kvorum-system-objects.ts'

const retryMs = 200
const timeoutMs = 150_000

/**
 * Runs `command`, a `kubectl get … -o json --watch` of one object, until an object holds. kubectl ends when its server
 * goes away or when the object is not there yet: it is started again.
 */
export async function watchUntil(
  command: readonly [string, ...string[]],
  target: string,
  holds: (object: KubeObject) => boolean,
): Promise<KubeObject> {
  const deadline = performance.now() + timeoutMs
  const last: { seen?: KubeObject; error: string } = { error: '' }
  while (performance.now() < deadline) {
    const found = await watchOnce(command, deadline, last, holds)
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
  const seen = JSON.stringify(last.seen?.status ?? null, null, 1)
  throw new Error(`waited ${timeoutMs} ms for ${target}; last seen with status ${seen} ${last.error}`)
}

function watchOnce(
  [file, ...args]: readonly [string, ...string[]],
  deadline: number,
  last: { seen?: KubeObject; error: string },
  holds: (object: KubeObject) => boolean,
): Promise<KubeObject | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let found: KubeObject | undefined
    let buffer = ''
    const timer = setTimeout(() => child.kill('SIGTERM'), Math.max(0, deadline - performance.now()))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      buffer += text
      // kubectl indents: a brace in the first column ends an object.
      for (let end = buffer.indexOf('\n}\n'); end !== -1; end = buffer.indexOf('\n}\n')) {
        const object = JSON.parse(buffer.slice(0, end + 2)) as KubeObject
        buffer = buffer.slice(end + 3)
        last.seen = object
        if (found === undefined && holds(object)) {
          found = object
          child.kill('SIGTERM')
        }
      }
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (last.error = text))
    child.once('error', reject)
    child.once('close', () => {
      clearTimeout(timer)
      resolve(found)
    })
  })
}
