import type { StatusCause } from '../../apimachinery/status-error.ts'
import type { Json } from '../../crds/meta/json.ts'
import type { Correlation } from './correlation.ts'
import { invalidField, noField } from './field-error.ts'
import { pathText, type PathStep } from './field-path.ts'

/** The state of one validation: where it is and what it found. One run serves one object. */
export class ValueRun {
  errors: StatusCause[] = []
  /** How many checks have been made: of several alternatives that fail, the one that got furthest is reported. */
  progress = 0
  readonly path: PathStep[] = []
  /** The field that the validated value stands in: '' for a whole object, the path of a `default` for a default. */
  readonly #prefix: string

  constructor(prefix = '') {
    this.#prefix = prefix
  }

  /** Where the run is, as messages name it. */
  get place(): string {
    return pathText(this.path)
  }

  /** Where the run is, as `field` of an error. */
  get field(): string {
    const { place } = this
    if (this.#prefix === '') return place === '' ? noField : place
    return place === '' ? this.#prefix : `${this.#prefix}.${place}`
  }

  /** An error about the value as a whole, which Kubernetes reports without its path. */
  addUnplaced(message: string): void {
    this.errors.push(invalidField(this.#prefix === '' ? noField : this.#prefix, '', message))
  }
}

/** Checks a value and adds what is wrong to the run. `old` is given only when an update is re-checked for what changed. */
export type Check = (value: Json, run: ValueRun, old: Correlation | undefined) => void
