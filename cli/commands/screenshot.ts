import { writeFile } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { findMachine } from '../machine.ts'
import { UsageError } from '../usage-error.ts'

const maxImageBytes = 64 * 1024 ** 2

/** `kvorum screenshot`: what a machine's screen shows now, as a PNG file; `-o -` writes it to `output`. */
export async function takeScreenshot(
  context: CommandContext,
  args: readonly string[],
  { output, stdout }: { readonly output?: string; readonly stdout: Writable & { isTTY?: boolean } },
): Promise<void> {
  if (output === '-' && stdout.isTTY === true)
    throw new UsageError('this terminal shows no images: name a file with -o')
  const { run, name } = await findMachine(context, args, 'screenshot')
  const path = pathOf(run, { namespace: context.namespace, name, subresource: 'screenshot' })
  const image = await readAll(context.api.bytes({ method: 'GET', path, signal: context.signal }))
  if (output === '-') return void stdout.write(image)
  const file = output ?? `${name}.png`
  await writeFile(file, image)
  context.print(`${file}\n`)
}

async function readAll(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxImageBytes) throw new Error(`the image has more than ${maxImageBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
