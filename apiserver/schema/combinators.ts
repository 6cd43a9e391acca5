import { goQuote } from '../../apimachinery/selectors/go-quote.ts'
import type { StatusCause } from '../../apimachinery/status-error.ts'
import type { Json } from '../../crds/meta/json.ts'
import type { SchemaNode } from './schema-node.ts'
import type { Check, ValueRun } from './value-run.ts'

/** Checks `anyOf`, `oneOf`, `allOf` and `not`; undefined when the schema has none of them. */
export function combinatorCheck(node: SchemaNode, compile: (branch: SchemaNode) => Check): Check | undefined {
  const parts: Check[] = []
  if (node.anyOf.length > 0) parts.push(anyOf(node.anyOf.map(compile)))
  if (node.oneOf.length > 0) parts.push(oneOf(node.oneOf.map(compile)))
  if (node.allOf.length > 0) parts.push(allOf(node.allOf.map(compile)))
  if (node.not !== undefined) parts.push(not(compile(node.not)))
  if (parts.length === 0) return undefined
  return (value, run, old) => {
    for (const part of parts) part(value, run, old)
  }
}

interface Attempt {
  readonly errors: readonly StatusCause[]
  readonly progress: number
}

function attempt(check: Check, value: Json, run: ValueRun, old: Parameters<Check>[2]): Attempt {
  const { errors, progress } = run
  run.errors = []
  run.progress = 0
  check(value, run, old)
  const result = { errors: run.errors, progress: run.progress }
  run.errors = errors
  run.progress = progress
  return result
}

function furthest(best: Attempt | undefined, next: Attempt): Attempt {
  return best === undefined || next.progress > best.progress ? next : best
}

function anyOf(branches: readonly Check[]): Check {
  return (value, run, old) => {
    let best: Attempt | undefined
    for (const branch of branches) {
      const result = attempt(branch, value, run, old)
      if (result.errors.length === 0) {
        run.progress += result.progress
        return
      }
      best = furthest(best, result)
    }
    run.addUnplaced(`${goQuote(run.place)} must validate at least one schema (anyOf)`)
    if (best !== undefined) run.errors.push(...best.errors)
  }
}

function oneOf(branches: readonly Check[]): Check {
  return (value, run, old) => {
    let valid = 0
    let best: Attempt | undefined
    for (const branch of branches) {
      const result = attempt(branch, value, run, old)
      if (result.errors.length === 0) valid += 1
      else best = furthest(best, result)
    }
    if (valid === 1) return
    const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`
    run.addUnplaced(`${goQuote(run.place)} must validate one and only one schema (oneOf). ${found}`)
    if (valid === 0 && best !== undefined) run.errors.push(...best.errors)
  }
}

function allOf(branches: readonly Check[]): Check {
  return (value, run, old) => {
    let valid = 0
    for (const branch of branches) {
      const before = run.errors.length
      branch(value, run, old)
      if (run.errors.length === before) valid += 1
    }
    if (valid === branches.length) return
    const none = valid === 0 ? '. None validated' : ''
    run.addUnplaced(`${goQuote(run.place)} must validate all the schemas (allOf)${none}`)
  }
}

function not(branch: Check): Check {
  return (value, run, old) => {
    if (attempt(branch, value, run, old).errors.length > 0) return
    run.addUnplaced(`${goQuote(run.place)} must not validate the schema (not)`)
  }
}
