import { z } from 'zod'
import { count } from '../meta/fields.ts'

/** CPU and memory, as counts: hardware or virtual threads, and bytes. */
export function resourceTotals(description: string) {
  return z
    .object({ cpus: count('CPU threads.'), memoryBytes: count('Bytes of memory.') })
    .meta({ description })
}
