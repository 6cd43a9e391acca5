const userPrefix = 'system:serviceaccount:'
const group = 'system:serviceaccounts'

/** What a service account is: a name in a namespace. */
export interface AccountName {
  readonly namespace: string
  readonly name: string
}

/** The user name that an account acts under. */
export function userNameOf({ namespace, name }: AccountName): string {
  return `${userPrefix}${namespace}:${name}`
}

/** The groups that every account of a namespace is in. */
export function groupsOf(namespace: string): string[] {
  return [group, `${group}:${namespace}`]
}

/** The account behind a user name; undefined when it is not one's. */
export function accountOf(userName: string): AccountName | undefined {
  if (!userName.startsWith(userPrefix)) return undefined
  const [namespace = '', name = '', ...more] = userName.slice(userPrefix.length).split(':')
  return namespace === '' || name === '' || more.length > 0 ? undefined : { namespace, name }
}

/** The type of Secrets that hold a token for good, and what their annotations say about whose it is. */
export const tokenSecretType = 'kubernetes.io/service-account-token'
export const accountNameAnnotation = 'kubernetes.io/service-account.name'
export const accountUidAnnotation = 'kubernetes.io/service-account.uid'
