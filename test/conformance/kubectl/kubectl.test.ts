import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { sections } from './cases/sections.ts'
import { findKubectls } from '../../support/kubectls.ts'
import { type Expected, KubectlTour, type TourCase } from './tour.ts'

const programs = await findKubectls()

test('there is a kubectl to try', () => {
  expect(programs.map(({ version }) => version)).not.toEqual([])
})

describe.each(programs)('kubectl $version', (program) => {
  let server: TestApiServer
  let tour: KubectlTour

  beforeAll(async () => {
    server = await startTestApiServer({ storage: 'etcd' })
    tour = new KubectlTour(program, server)
  })

  afterAll(async () => {
    tour.close()
    await server.close()
  })

  const fits = ({ since = 0, before = Infinity }: TourCase) =>
    program.minor >= since && program.minor < before

  describe.each(sections)('$title', ({ cases }) => {
    test.each(cases.filter(fits).map((tourCase) => ({ ...tourCase, title: titleOf(tourCase) })))(
      '$title',
      async (tourCase) => {
        const result = await tour.run(tourCase)
        const { code = 0, out, err = '' } = tourCase
        // In one comparison, so that a failure shows what kubectl said.
        expect({ ...result, title: tourCase.title }).toEqual({
          title: tourCase.title,
          code: tourCase.follow?.until === undefined ? asExpectedCode(code, result.code) : result.code,
          stdout: asExpected(out ?? /^/, result.stdout),
          stderr: asExpected(err, result.stderr),
        })
      },
    )
  })

  test('was tried with many invocations', () => {
    const all = sections.flatMap(({ cases }) => cases)
    const tried = all.filter(fits)
    const newer = all.filter(({ since = 0 }) => since > program.minor)
    process.stdout.write(
      `kubectl ${program.version}: ${tried.length} invocations, ${newer.length} left out as newer\n`,
    )
    expect(tried.length).toBeGreaterThanOrEqual(150)
  })
})

/** The code itself if it will do; else what was expected. */
function asExpectedCode(expected: number | readonly number[], code: number): unknown {
  return [expected].flat().includes(code) ? code : expected
}

function titleOf({ run }: TourCase): string {
  const text = typeof run === 'string' ? run : run.join(' ')
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

/** The text itself if it is as expected; else what was expected, for the difference to show. */
function asExpected(expected: Expected, text: string): unknown {
  if (typeof expected === 'string') return text.trim() === expected ? text : expected
  const patterns = Array.isArray(expected) ? (expected as readonly RegExp[]) : [expected as RegExp]
  const failing = patterns.filter((pattern) => !pattern.test(text))
  return failing.length === 0 ? text : failing.map(String).join(' and ')
}
