import { readFile, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { isMissing } from './files.ts'
import type { ImportedImage } from '../storage-driver.ts'

const facts = z.object({
  digest: z.string().max(135),
  sourceFormat: z.enum(['qcow2', 'raw', 'vmdk', 'vdi', 'iso']),
})

export type ImageFacts = Pick<ImportedImage, 'digest' | 'sourceFormat'>

/** What an import found out, kept beside the image; undefined when there is nothing that can be read. */
export async function readImageFacts(path: string): Promise<ImageFacts | undefined> {
  try {
    return facts.safeParse(JSON.parse(await readFile(path, 'utf8'))).data
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined
    throw error
  }
}

export async function writeImageFacts(path: string, found: ImageFacts): Promise<void> {
  await writeFile(path, JSON.stringify(found), { mode: 0o600, flush: true })
}
