import { virTypedParameterType } from './generated/constants.ts'
import type { TypedParam } from './typed-param-codec.ts'

/** What a typed parameter may hold. */
export type TypedParamValue = number | bigint | boolean | string

/** A list of typed parameters as a plain object, by libvirt's names; of a repeated name the last one counts. */
export function typedParams(params: readonly TypedParam[]): Record<string, TypedParamValue> {
  const values: Record<string, TypedParamValue> = {}
  for (const { field, value } of params)
    Object.defineProperty(values, field, { value, enumerable: true, configurable: true, writable: true })
  return values
}

/** Makes single typed parameters: libvirt refuses a right value of the wrong type, so the type is always named. */
export const typedParam = {
  /** A signed 32-bit integer. */
  int: (field: string, value: number): TypedParam => ({
    field,
    type: virTypedParameterType.VIR_TYPED_PARAM_INT,
    value,
  }),
  /** An unsigned 32-bit integer. */
  uint: (field: string, value: number): TypedParam => ({
    field,
    type: virTypedParameterType.VIR_TYPED_PARAM_UINT,
    value,
  }),
  /** A signed 64-bit integer. */
  llong: (field: string, value: bigint): TypedParam => ({
    field,
    type: virTypedParameterType.VIR_TYPED_PARAM_LLONG,
    value,
  }),
  /** An unsigned 64-bit integer. */
  ullong: (field: string, value: bigint): TypedParam => ({
    field,
    type: virTypedParameterType.VIR_TYPED_PARAM_ULLONG,
    value,
  }),
  double: (field: string, value: number): TypedParam => ({
    field,
    type: virTypedParameterType.VIR_TYPED_PARAM_DOUBLE,
    value,
  }),
  boolean: (field: string, value: boolean): TypedParam => ({
    field,
    type: virTypedParameterType.VIR_TYPED_PARAM_BOOLEAN,
    value,
  }),
  string: (field: string, value: string): TypedParam => ({
    field,
    type: virTypedParameterType.VIR_TYPED_PARAM_STRING,
    value,
  }),
} as const
