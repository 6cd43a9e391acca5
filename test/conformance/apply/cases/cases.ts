import type { ApplyCase } from '../apply-case.ts'
import { crossing } from './crossing.ts'
import { merging } from './merging.ts'
import { ownership } from './ownership.ts'

/** Every case, in the order of `observed.json`. */
export const applyCases: readonly ApplyCase[] = [...ownership, ...merging, ...crossing]
