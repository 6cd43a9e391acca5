import type { Json, JsonObject } from '../../../crds/meta/json.ts'
import type { UserInfo } from '../../http/exchange.ts'
import { CelError, compileCelExpression, jsonValue, type CelExpression } from '../../schema/cel.ts'
import { credentialIdKey } from '../authenticator.ts'
import { TokenError } from '../token-authenticator.ts'
import type { ClaimRule, ClaimSource, ExpressionRule, JwtSettings } from './jwt-settings.ts'

/** Turns the claims of a token that was found to be good into a user. Throws TokenError. */
export type UserOfClaims = (claims: JsonObject) => UserInfo

/** A setting that cannot work; the message says which and why. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

type Read<Value> = (claims: JsonObject) => Value

/** Prepares everything that can be told without a token. Throws SettingError for expressions that do not compile. */
export function userOfClaims({ claims: sources, claimRules, userRules }: JwtSettings): UserOfClaims {
  const rules = claimRules.map((rule, index) => claimCheck(rule, `claimValidationRules[${index}]`))
  const username = textSource(sources.username, 'claimMappings.username')
  const groups = sources.groups && textsSource(sources.groups, 'claimMappings.groups')
  const uid = sources.uid && textSource(sources.uid, 'claimMappings.uid')
  const extra = sources.extra.map(({ key, expression }, index) => ({
    key,
    read: expressionTexts(expression, `claimMappings.extra[${index}].valueExpression`),
  }))
  const checkUser = userChecks(userRules)
  return (claims) => {
    for (const check of rules) check(claims)
    const name = username(claims)
    if (name === '') throw new TokenError('oidc: the user name is empty')
    const id = uid?.(claims) ?? ''
    const more = Object.fromEntries(
      extra.map(({ key, read }) => [key, read(claims)] as const).filter(([, values]) => values.length > 0),
    )
    const { jti } = claims
    if (typeof jti === 'string' && jti !== '') more[credentialIdKey] ??= [`JTI=${jti}`]
    const user = {
      name,
      groups: groups?.(claims) ?? [],
      ...(id && { uid: id }),
      ...(Object.keys(more).length > 0 && { extra: more }),
    }
    checkUser(user)
    return user
  }
}

function claimCheck(rule: ClaimRule, field: string): (claims: JsonObject) => void {
  if ('claim' in rule) {
    const { claim, value } = rule
    return (claims) => {
      if (!Object.hasOwn(claims, claim))
        throw new TokenError(`oidc: required claim ${claim} not present in ID token`)
      if (claims[claim] !== value) throw new TokenError(`oidc: required claim ${claim} value does not match`)
    }
  }
  const holds = condition(rule.expression, `${field}.expression`, 'claims')
  return (claims) => {
    if (!holds(claims))
      throw new TokenError(`oidc: error evaluating claim validation expression: ${messageOf(rule)}`)
  }
}

function userChecks(rules: readonly ExpressionRule[]): (user: UserInfo) => void {
  const checks = rules.map((rule, index) => ({
    rule,
    holds: condition(rule.expression, `userValidationRules[${index}].expression`, 'user'),
  }))
  return ({ name, uid = '', groups, extra = {} }) => {
    const user: JsonObject = {
      username: name,
      uid,
      groups: [...groups],
      extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])),
    }
    for (const { rule, holds } of checks) {
      if (!holds(user))
        throw new TokenError(`oidc: error evaluating user info validation rule: ${messageOf(rule)}`)
    }
  }
}

function messageOf({ message, expression }: ExpressionRule): string {
  return message || `validation expression ${JSON.stringify(expression)} failed`
}

/** One text. Undefined is a claim that is not there; whether that is a mistake is the reader's to say. */
function textSource(source: ClaimSource, field: string): Read<string> {
  if ('expression' in source) {
    const evaluate = compiled(source.expression, `${field}.expression`, 'claims', 'string')
    return (claims) => {
      const value = evaluate(claims)
      if (typeof value !== 'string') throw new TokenError(`oidc: ${field} does not come to a string`)
      return value
    }
  }
  const { claim, prefix } = source
  return (claims) => {
    const value = claims[claim]
    if (typeof value !== 'string')
      throw new TokenError(`oidc: parse ${field} claim ${JSON.stringify(claim)}: no string`)
    if (claim === 'email') checkEmail(claims)
    return value && `${prefix}${value}`
  }
}

/** An address that nobody has verified would let its holder be anybody. */
function checkEmail(claims: JsonObject): void {
  if (!Object.hasOwn(claims, 'email_verified') || claims['email_verified'] === true) return
  throw new TokenError('oidc: email not verified')
}

function textsSource(source: ClaimSource, field: string): Read<string[]> {
  if ('expression' in source) return expressionTexts(source.expression, `${field}.expression`)
  const { claim, prefix } = source
  return (claims) =>
    textsOf(claims[claim], `${field} claim ${JSON.stringify(claim)}`).map((one) => `${prefix}${one}`)
}

function expressionTexts(expression: string, field: string): Read<string[]> {
  const evaluate = compiled(expression, field, 'claims')
  return (claims) => textsOf(evaluate(claims), field).filter(Boolean)
}

/** Nothing, a text or a list of texts. */
function textsOf(value: Json | undefined, what: string): string[] {
  if (value === undefined || value === null) return []
  if (typeof value === 'string') return [value]
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
  throw new TokenError(`oidc: ${what} is neither a string nor a list of strings`)
}

function condition(expression: string, field: string, variable: string): (value: JsonObject) => boolean {
  const evaluate = compiled(expression, field, variable, 'bool')
  return (value) => evaluate(value) === true
}

function compiled(
  source: string,
  field: string,
  variable: string,
  returns?: string,
): (value: JsonObject) => Json | undefined {
  const expression: CelExpression | { error: string } = compileCelExpression(
    source,
    { [variable]: { type: 'map' } },
    returns,
  )
  if ('error' in expression) throw new SettingError(`${field}: ${expression.error}`)
  return (value) => {
    try {
      const given = { [variable]: expression.convert(variable, value) }
      return jsonValue(expression.program.evaluate(given).value)
    } catch (error) {
      if (error instanceof CelError) throw new TokenError(`oidc: ${field}: ${error.message}`)
      throw error
    }
  }
}
