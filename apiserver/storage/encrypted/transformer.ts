import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { isSealed } from '../sealed-value.ts'

/** One way of writing values, with one key. */
export interface Transformer {
  /** What its values begin with: `k8s:enc:aesgcm:v1:key1:`; empty for values that are written as they are. */
  readonly prefix: string
  /** `context` is the etcd key: a value that is moved to another key cannot be read there. */
  seal(plain: Buffer, context: string): Buffer
  /** Takes what `seal` gave, without the prefix. Throws when it was made with another key, or changed since. */
  open(sealed: Buffer, context: string): Buffer
}

const nonceBytes = 12
const tagBytes = 16
const blockBytes = 16

/** AES-GCM: 12 bytes of nonce, the text, 16 bytes of tag. `key` has 16, 24 or 32 bytes. */
export function aesGcm(name: string, key: Buffer): Transformer {
  const cipher = `aes-${key.length * 8}-gcm` as 'aes-256-gcm'
  const options = { authTagLength: tagBytes }
  return {
    prefix: `k8s:enc:aesgcm:v1:${name}:`,
    seal(plain, context) {
      const nonce = randomBytes(nonceBytes)
      const sealing = createCipheriv(cipher, key, nonce, options).setAAD(Buffer.from(context))
      return Buffer.concat([nonce, sealing.update(plain), sealing.final(), sealing.getAuthTag()])
    },
    open(sealed, context) {
      if (sealed.length < nonceBytes + tagBytes)
        throw new Error('the stored data was shorter than the required size')
      const end = sealed.length - tagBytes
      const opening = createDecipheriv(cipher, key, sealed.subarray(0, nonceBytes), options)
      opening.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(end))
      return Buffer.concat([opening.update(sealed.subarray(nonceBytes, end)), opening.final()])
    },
  }
}

/** AES-CBC with padding: 16 bytes of initialization vector, the text. Nothing tells a change of it: AES-GCM does. */
export function aesCbc(name: string, key: Buffer): Transformer {
  const cipher = `aes-${key.length * 8}-cbc`
  return {
    prefix: `k8s:enc:aescbc:v1:${name}:`,
    seal(plain) {
      const vector = randomBytes(blockBytes)
      const sealing = createCipheriv(cipher, key, vector)
      return Buffer.concat([vector, sealing.update(plain), sealing.final()])
    },
    open(sealed) {
      if (sealed.length < 2 * blockBytes)
        throw new Error('the stored data was shorter than the required size')
      const opening = createDecipheriv(cipher, key, sealed.subarray(0, blockBytes))
      return Buffer.concat([opening.update(sealed.subarray(blockBytes)), opening.final()])
    },
  }
}

/** Values as they are. */
export const identity: Transformer = {
  prefix: '',
  seal: (plain) => plain,
  open(value) {
    if (isSealed(value)) throw new Error('identity transformer tried to read encrypted data')
    return value
  },
}
