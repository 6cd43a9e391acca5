import { readFile } from 'node:fs/promises'

export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Reads vitest's JSON report; no report means that not even one test ran. */
export async function readReport(path: string): Promise<TestCounts> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const report = JSON.parse(text) as Record<string, number>
  const count = (key: string) => report[key] ?? 0
  return {
    passed: count('numPassedTests'),
    // A file that does not load counts as a failed suite without a failed test.
    failed: Math.max(count('numFailedTests'), count('numFailedTestSuites') > 0 ? 1 : 0),
    skipped: count('numPendingTests') + count('numTodoTests'),
  }
}

export function closingLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
