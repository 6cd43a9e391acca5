import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import type { ServedResource } from '../discovery.ts'
import { text } from '../object-metadata.ts'
import { ruleRows } from '../printers/describe-rbac.ts'
import { goText } from '../printers/go-text.ts'
import { objectPrinter } from '../printers/object-printer.ts'
import { alignTabs, tableTabs } from '../printers/tab-writer.ts'
import { ExitError, UsageError } from '../usage-error.ts'

export interface CanIOptions {
  readonly list?: boolean
  readonly quiet?: boolean
  readonly allNamespaces?: boolean
  readonly subresource?: string
  readonly headers: boolean
}

const authorization = '/apis/authorization.k8s.io/v1'
const knownVerbs = new Set(
  'get list watch create update patch delete deletecollection use bind impersonate * approve sign escalate attest'.split(
    ' ',
  ),
)
const urlVerbs = new Set(['get', 'put', 'post', 'head', 'options', 'delete', 'patch', '*'])

/** `kvorum auth can-i`: prints yes or no. Throws an ExitError with 1 for no. */
export async function canI(
  context: CommandContext,
  args: readonly string[],
  options: CanIOptions,
): Promise<void> {
  if (options.list === true) return listRules(context, args, options)
  const [verb, what, name, ...more] = args
  if (verb === undefined || what === undefined || more.length > 0)
    throw new UsageError(
      "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kvorum auth can-i -h' for help and examples.",
    )
  const spec = what.startsWith('/')
    ? urlAttributes(context, verb, what)
    : await resourceAttributes(context, { verb, what, name }, options)
  const { allowed, reason, evaluationError } = await review(context, spec)
  if (options.quiet !== true) {
    const why = [reason, evaluationError].filter((part) => part !== '').map((part) => ` - ${part}`)
    context.print(allowed ? 'yes\n' : `no${why.join('')}\n`)
  }
  if (!allowed) throw new ExitError(1)
}

function urlAttributes(context: CommandContext, verb: string, path: string): JsonObject {
  if (!urlVerbs.has(verb)) context.error(`Warning: verb '${verb}' is not a known verb\n`)
  return { nonResourceAttributes: { verb, path } }
}

async function resourceAttributes(
  context: CommandContext,
  { verb, what, name }: { verb: string; what: string; name: string | undefined },
  options: CanIOptions,
): Promise<JsonObject> {
  if (!knownVerbs.has(verb)) context.error(`Warning: verb '${verb}' is not a known verb\n`)
  const [type = '', slashed] = what.split('/')
  const { resource, group } = await resourceOf(context, type, options)
  const named = slashed ?? name
  return {
    resourceAttributes: {
      verb,
      resource,
      group,
      ...(options.allNamespaces === true ? {} : { namespace: context.namespace }),
      ...(named !== undefined && { name: named }),
      ...(options.subresource !== undefined && { subresource: options.subresource }),
    },
  }
}

/** What is not served may still be asked about: the answer is about rules, not about what there is. */
async function resourceOf(
  context: CommandContext,
  type: string,
  options: CanIOptions,
): Promise<{ resource: string; group: string }> {
  if (type === '*') return { resource: '*', group: '*' }
  const found = (await context.discovery()).find(type)
  if (found === undefined) {
    context.error(`Warning: the server doesn't have a resource type '${type}'\n`)
    const [resource = '', ...group] = type.split('.')
    return { resource, group: group.join('.') }
  }
  if (!found.namespaced && options.allNamespaces !== true) context.error(clusterScoped(found))
  return { resource: found.plural, group: found.group }
}

function clusterScoped({ plural, group }: ServedResource): string {
  const where = group === '' ? '' : ` in group '${group}'`
  return `Warning: resource '${plural}' is not namespace scoped${where}\n`
}

async function review(context: CommandContext, spec: JsonObject) {
  const answer = await context.api.json({
    method: 'POST',
    path: `${authorization}/selfsubjectaccessreviews`,
    body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec },
  })
  const status = statusOf(answer)
  return {
    allowed: status['allowed'] === true,
    reason: text(status['reason']),
    evaluationError: text(status['evaluationError']),
  }
}

function statusOf(answer: unknown): JsonObject {
  return isJsonObject(answer) && isJsonObject(answer['status']) ? answer['status'] : {}
}

async function listRules(
  context: CommandContext,
  args: readonly string[],
  options: CanIOptions,
): Promise<void> {
  if (args.length > 0) throw new UsageError('--list takes no further arguments')
  const answer = await context.api.json({
    method: 'POST',
    path: `${authorization}/selfsubjectrulesreviews`,
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectRulesReview',
      spec: { namespace: context.namespace },
    },
  })
  const { resourceRules, nonResourceRules, incomplete, evaluationError } = statusOf(answer)
  if (incomplete === true)
    context.error(`warning: the list may be incomplete: ${text(evaluationError) || 'no reason was given'}`)
  const rows = ruleRows([...listOf(resourceRules), ...listOf(nonResourceRules)])
  const head = ['Resources', 'Non-Resource URLs', 'Resource Names', 'Verbs']
  const lines = (options.headers ? [head, ...rows] : rows).map((row) => `${row.join('\t')}\n`)
  context.print(alignTabs(lines.join(''), tableTabs))
}

const listOf = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : [])

/** `kvorum auth whoami`: who the server takes the caller for. */
export async function whoAmI(context: CommandContext, { output = '' }: { output?: string }): Promise<void> {
  const answer = await context.api.json({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  })
  if (output !== '') {
    context.print(objectPrinter(output)(isJsonObject(answer) ? answer : {}))
    return
  }
  const { userInfo } = statusOf(answer)
  const { username, uid, groups, extra } = isJsonObject(userInfo) ? userInfo : ({} as JsonObject)
  const rows = [
    ['ATTRIBUTE', 'VALUE'],
    ...(text(username) === '' ? [] : [['Username', text(username)]]),
    ...(text(uid) === '' ? [] : [['UID', text(uid)]]),
    ...(Array.isArray(groups) && groups.length > 0 ? [['Groups', goText(groups)]] : []),
    ...(isJsonObject(extra)
      ? Object.keys(extra)
          .toSorted()
          .map((key) => [`Extra: ${key}`, goText(extra[key])])
      : []),
  ]
  context.print(alignTabs(rows.map((row) => `${row.join('\t')}\n`).join(''), tableTabs))
}
