/** One step into an object: a field, an index of a list, or the key of a map (printed in brackets). */
export type PathStep = string | number | { readonly mapKey: string }

/** Prints steps as Kubernetes prints field paths: `spec.disks[0].labels[app]`. */
export function pathText(steps: readonly PathStep[]): string {
  let text = ''
  for (const step of steps) {
    if (typeof step === 'number') text += `[${step}]`
    else if (typeof step === 'object') text += `[${step.mapKey}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}
