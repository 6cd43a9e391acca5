import type { CallOptions } from './call-queue.ts'
import type { Args, CallName, Ret } from './connection.ts'
import { virTypedParameterFlags } from './generated/constants.ts'
import type { LibvirtHost } from './host.ts'
import type { TypedParam } from './typed-param-codec.ts'
import { typedParams } from './typed-params.ts'
import type { TypedParamValue } from './typed-params.ts'

/** Procedures that must first be asked how many parameters there are. */
export type TypedParamGetter = {
  [K in CallName]: Args<K> extends { readonly nparams: number; readonly flags?: number | undefined }
    ? Ret<K> extends { readonly params: readonly TypedParam[] }
      ? K
      : never
    : never
}[CallName]

/**
 * Reads all parameters of a getter such as `domainGetMemoryParameters`, by name: asks for their number, then for them,
 * and for those that are strings too.
 */
export async function readTypedParams<K extends TypedParamGetter>(
  host: Pick<LibvirtHost, 'query'>,
  name: K,
  ...[args, options]: [args: Omit<Args<K>, 'nparams'>, options?: CallOptions]
): Promise<Record<string, TypedParamValue>> {
  const given: { readonly flags?: number } = args
  const flags = (given.flags ?? 0) | virTypedParameterFlags.VIR_TYPED_PARAM_STRING_OKAY
  const ask = async (nparams: number) => {
    // Every getter has these members, but their union is too wide for the compiler to see it.
    const all = { ...args, flags, nparams } as unknown as Args<'domainGetMemoryParameters'>
    return host.query(name as 'domainGetMemoryParameters', all, options)
  }
  const { nparams } = await ask(0)
  return nparams === 0 ? {} : typedParams((await ask(nparams)).params)
}
