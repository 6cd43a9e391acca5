import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  type KeyObject,
} from 'node:crypto'
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/** A public key that tokens may be signed with. */
export interface VerifyingKey {
  /** What a token's header names it by: the hash of the key in base64url, as kube-apiserver derives it. */
  readonly id: string
  readonly algorithm: string
  readonly key: KeyObject
}

export interface SigningKey {
  readonly id: string
  readonly algorithm: string
  readonly key: KeyObject
}

export interface ServiceAccountKeys {
  readonly signing: SigningKey
  /** Every key whose tokens are believed, the signing one first. */
  readonly verifying: readonly VerifyingKey[]
}

export interface KeySources {
  /** PEM of the private key that signs; a key of `directory` when left out. */
  readonly signingKeyFile: string | undefined
  /** PEMs of further keys, public or private, whose tokens are believed: those of before a rotation. */
  readonly keyFiles: readonly string[]
  /** Where `sa.key` lies, and is made when it is needed and missing. */
  readonly directory: string
}

const ownKeyName = 'sa.key'

/** Reads the keys of service-account tokens. Throws with the file's name for what holds no usable key. */
export async function loadServiceAccountKeys(sources: KeySources): Promise<ServiceAccountKeys> {
  const { signingKeyFile, keyFiles, directory } = sources
  const path = signingKeyFile ?? join(directory, ownKeyName)
  const pem = signingKeyFile === undefined ? await ownKey(path, directory) : await readFile(path, 'utf8')
  const key = privateKeyOf(pem, path)
  const own = verifyingKey(createPublicKey(key), path)
  const others: VerifyingKey[] = []
  for (const file of keyFiles) others.push(...publicKeysOf(await readFile(file, 'utf8'), file))
  const byId = new Map([own, ...others].map((one) => [one.id, one]))
  return { signing: { id: own.id, algorithm: own.algorithm, key }, verifying: [...byId.values()] }
}

/**
 * Reads the key, made at the first call ever. Servers that start on one directory at the same time end up with one
 * key, and a crash leaves either a whole key or none.
 */
async function ownKey(path: string, directory: string): Promise<string> {
  const known = await readIfThere(path)
  if (known !== undefined) return known
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const temporary = `${path}.${randomUUID()}.new`
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    // Unlike a rename, a link does not replace the key that somebody else has made in the meantime.
    await link(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(temporary)
  }
  return await readFile(path, 'utf8')
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function privateKeyOf(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    throw new Error(`${path} holds no private key that can be read: an RSA or EC key in PEM is needed`, {
      cause: error,
    })
  }
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g

/** Every key in a file of PEM blocks: public keys, private keys and certificates. */
export function publicKeysOf(text: string, path: string): VerifyingKey[] {
  const blocks = [...text.matchAll(pemBlock)]
    .filter(([, label]) => label !== 'EC PARAMETERS')
    .map(([block]) => block)
  if (blocks.length === 0) throw new Error(`${path} holds no key: RSA or EC keys in PEM are needed`)
  return blocks.map((block) => {
    let key: KeyObject
    try {
      key = createPublicKey(block)
    } catch (error) {
      throw new Error(`${path} holds a key that cannot be read: RSA or EC keys in PEM are needed`, {
        cause: error,
      })
    }
    return verifyingKey(key, path)
  })
}

const curveAlgorithms: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}

function verifyingKey(key: KeyObject, path: string): VerifyingKey {
  const algorithm =
    key.asymmetricKeyType === 'rsa' ? 'RS256' : curveAlgorithms[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (algorithm === undefined) {
    throw new Error(`${path} holds a key of type ${key.asymmetricKeyType ?? 'unknown'}: RSA or EC is needed`)
  }
  const id = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
  return { id, algorithm, key }
}
