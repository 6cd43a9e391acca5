import { defineConfig } from 'vitest/config'

/** One project per layer, so that each can be run alone: `npx vitest run --project unit`. */
export default defineConfig({
  test: {
    projects: [
      project('unit', ['test/unit/**/*.test.ts', 'node-libvirt/test/unit/**/*.test.ts']),
      project('conformance', ['test/conformance/**/*.test.ts'], 60_000),
      project('integration', ['test/integration/**/*.test.ts'], 60_000),
      project('libvirt', ['node-libvirt/test/integration/**/*.test.ts'], 120_000),
      project('lab', ['test/lab/**/*.test.ts'], 300_000),
    ],
  },
})

function project(name: string, include: string[], testTimeout = 10_000) {
  return {
    test: {
      name,
      include,
      testTimeout,
      hookTimeout: Math.max(testTimeout, 60_000),
      fileParallelism: name === 'unit',
      // Conditions are polled on machines that may be busy: the default of one second says nothing.
      expect: { poll: { timeout: 10_000 } },
    },
  }
}
