import { createHash } from 'node:crypto'
import type { UserInfo } from '../http/exchange.ts'
import { unauthorized, type Authenticator } from './authenticator.ts'

/** Reads kube-apiserver's token file: lines of `token,user,uid,"group1,group2"`. Throws with the line's number. */
export function parseTokenFile(text: string): Map<string, UserInfo> {
  const users = new Map<string, UserInfo>()
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return
    const [token = '', name = '', uid = '', groups = ''] = csvFields(line)
    if (token === '') throw new Error(`token file, line ${index + 1}: the token is empty`)
    if (name === '') throw new Error(`token file, line ${index + 1}: a line needs token, user name and uid`)
    const members = groups.split(',').map((group) => group.trim())
    users.set(fingerprint(token), { name, groups: members.filter(Boolean), ...(uid && { uid }) })
  })
  return users
}

/** Fields of one line; quotes hold fields with commas together and are doubled inside. */
function csvFields(line: string): string[] {
  const fields: string[] = []
  for (const match of line.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(?:,|$)/g)) {
    fields.push((match[1]?.replaceAll('""', '"') ?? match[2] ?? '').trim())
    if (match.index + match[0].length >= line.length) break
  }
  return fields
}

/** Bearer tokens of a file. Tokens are kept and compared as hashes, so that timing tells nothing. */
export function tokenAuthenticator(users: ReadonlyMap<string, UserInfo>): Authenticator {
  return async (request) => {
    const token = bearerToken(request.headers.authorization)
    if (token === undefined) return undefined
    const user = users.get(fingerprint(token))
    if (!user) throw unauthorized()
    return user
  }
}

export function bearerToken(header: string | undefined): string | undefined {
  const match = /^bearer\s+(\S+)$/i.exec(header?.trim() ?? '')
  return match?.[1]
}

function fingerprint(token: string): string {
  return createHash('sha256').update(token).digest('base64')
}
