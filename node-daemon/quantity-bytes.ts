import { quantityToBytes } from '../apimachinery/quantity.ts'
import type { QuantityValue } from '../crds/meta/fields.ts'

/** A quantity of the API in bytes; exact up to 2^53. */
export function bytesOf(quantity: QuantityValue): number {
  return Number(quantityToBytes(String(quantity)))
}
