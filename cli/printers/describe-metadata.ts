import { byCodePoint } from './json.ts'

/** All labels, one to a line, with tabs. */
export function labelLines(heading: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.keys(labels)
    .toSorted(byCodePoint)
    .map((key) => `${key}=${labels[key] ?? ''}\n`)
  return `${heading}:\t${pairs.length === 0 ? '<none>\n' : pairs.join('\t')}`
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'
const maxAnnotationLength = 140

/** All annotations, long values below their keys, with tabs. */
export function annotationLines(annotations: Readonly<Record<string, string>>): string {
  const lines = Object.keys(annotations)
    .filter((key) => key !== lastApplied)
    .toSorted(byCodePoint)
    .map((key) => annotation(key, (annotations[key] ?? '').replace(/\n$/, '')))
  return `Annotations:\t${lines.length === 0 ? '<none>\n' : lines.join('\t')}`
}

function annotation(key: string, value: string): string {
  if (value.length + key.length + 2 <= maxAnnotationLength && !value.includes('\n'))
    return `${key}: ${value}\n`
  const shorten = (line: string) =>
    line.length > maxAnnotationLength - 2 ? `${line.slice(0, maxAnnotationLength - 2)}...` : line
  return `${key}:\n${value
    .split('\n')
    .map((line) => `\t  ${shorten(line)}\n`)
    .join('')}`
}
