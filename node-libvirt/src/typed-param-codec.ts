import { ProtocolError } from './errors.ts'
import { virTypedParameterType } from './generated/constants.ts'
import type { XdrReader, XdrWriter } from './xdr.ts'

/**
 * One typed parameter: libvirt's name for the value, which type it has (`virTypedParameterType`) and the value.
 * 64-bit integers are `bigint`.
 */
export type TypedParam =
  | { readonly field: string; readonly type: 1 | 2; readonly value: number }
  | { readonly field: string; readonly type: 3 | 4; readonly value: bigint }
  | { readonly field: string; readonly type: 5; readonly value: number }
  | { readonly field: string; readonly type: 6; readonly value: boolean }
  | { readonly field: string; readonly type: 7; readonly value: string }

export function readTypedParam(r: XdrReader): TypedParam {
  const field = r.string()
  const type = r.int()
  switch (type) {
    case virTypedParameterType.VIR_TYPED_PARAM_INT:
      return { field, type, value: r.int() }
    case virTypedParameterType.VIR_TYPED_PARAM_UINT:
      return { field, type, value: r.uint() }
    case virTypedParameterType.VIR_TYPED_PARAM_LLONG:
      return { field, type, value: r.hyper() }
    case virTypedParameterType.VIR_TYPED_PARAM_ULLONG:
      return { field, type, value: r.uhyper() }
    case virTypedParameterType.VIR_TYPED_PARAM_DOUBLE:
      return { field, type, value: r.double() }
    case virTypedParameterType.VIR_TYPED_PARAM_BOOLEAN:
      return { field, type, value: r.int() !== 0 }
    case virTypedParameterType.VIR_TYPED_PARAM_STRING:
      return { field, type, value: r.string() }
    default:
      throw new ProtocolError(`The parameter "${field}" has the unknown type ${type}`)
  }
}

export function writeTypedParam(w: XdrWriter, param: TypedParam): void {
  w.string(param.field)
  w.int(param.type)
  switch (param.type) {
    case virTypedParameterType.VIR_TYPED_PARAM_INT:
      return w.int(param.value)
    case virTypedParameterType.VIR_TYPED_PARAM_UINT:
      return w.uint(param.value)
    case virTypedParameterType.VIR_TYPED_PARAM_LLONG:
      return w.hyper(param.value)
    case virTypedParameterType.VIR_TYPED_PARAM_ULLONG:
      return w.uhyper(param.value)
    case virTypedParameterType.VIR_TYPED_PARAM_DOUBLE:
      return w.double(param.value)
    case virTypedParameterType.VIR_TYPED_PARAM_BOOLEAN:
      return w.int(param.value ? 1 : 0)
    case virTypedParameterType.VIR_TYPED_PARAM_STRING:
      return w.string(param.value)
  }
}
