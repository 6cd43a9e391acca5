import type { UserInfo } from '../http/exchange.ts'
import { forApiOnly, type TokenAuthenticator } from './token-authenticator.ts'
import { fingerprint } from './token-cache.ts'

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
export function fileTokens(
  users: ReadonlyMap<string, UserInfo>,
  apiAudiences: readonly string[],
): TokenAuthenticator {
  return forApiOnly(apiAudiences, async (token) => users.get(fingerprint(token)))
}
