import { alwaysAllow, alwaysDeny, privilegedGroup, type Authorizer } from './authorizer.ts'
import { unionAuthorizer } from './union-authorizer.ts'

/** The words of `--authorization-mode`. */
export const authorizationModes = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'] as const
export type AuthorizationMode = (typeof authorizationModes)[number]

/** Makes the authorizers that need something; called at most once each. */
export type AuthorizerMakers = Readonly<
  Record<Exclude<AuthorizationMode, 'AlwaysAllow' | 'AlwaysDeny'>, () => Promise<Authorizer>>
>

/** The authorizers of `modes` in their order, behind the group that may always do everything. */
export async function authorizerOfModes(
  modes: readonly AuthorizationMode[],
  makers: AuthorizerMakers,
): Promise<Authorizer> {
  const authorizers: Authorizer[] = [privilegedGroup]
  for (const mode of modes) {
    if (mode === 'AlwaysAllow') authorizers.push(alwaysAllow)
    else if (mode === 'AlwaysDeny') authorizers.push(alwaysDeny)
    else authorizers.push(await makers[mode]())
  }
  return unionAuthorizer(authorizers)
}
