import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type KeyPair, parseKeyPair } from './key-pair.ts'

/** A key pair in one file: it is replaced as a whole or not at all, whenever the host loses its power. */
export interface KeyPairFile {
  /** Undefined when there is none that can be used. */
  read(): Promise<KeyPair | undefined>
  write(pair: KeyPair): Promise<void>
}

export function keyPairFile(path: string): KeyPairFile {
  return {
    async read() {
      try {
        return parseKeyPair(await readFile(path, 'utf8'))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    async write({ certificate, key }) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      const temporary = `${path}.new`
      const file = await open(temporary, 'w', 0o600)
      try {
        await file.writeFile(`${certificate.trim()}\n${key.trim()}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    },
  }
}
