import type { ApiDescription } from './api-description.ts'

/** Prints `constants.ts`: every public enum of libvirt under its own name, and the string macros. */
export function emitConstants(api: ApiDescription): string {
  const enums = [...api.enums].map(([name, values]) => {
    const members = values.map((value) => `  /** Since ${value.since}. */\n  ${value.name}: ${value.value},`)
    return [
      `export const ${name} = {`,
      ...members,
      '} as const',
      `export type ${name} = (typeof ${name})[keyof typeof ${name}]`,
      '',
    ].join('\n')
  })
  const strings = [...api.strings].map(([name, value]) => `export const ${name} = ${JSON.stringify(value)}`)
  return [...enums, ...strings].join('\n')
}
