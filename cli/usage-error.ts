/** Something that the user can put right: printed as it is, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Ends the command with this code after everything has been said. */
export class ExitError extends Error {
  override readonly name = 'ExitError'
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`)
    this.exitCode = exitCode
  }
}

/** Throws nothing, the one, or all of what went wrong with several objects. */
export function throwAll(errors: readonly unknown[]): void {
  if (errors.length === 0) return
  throw errors.length === 1 ? errors[0] : new AggregateError(errors, `${errors.length} objects failed`)
}
