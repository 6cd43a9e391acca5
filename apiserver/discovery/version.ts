import type { JsonObject } from '../../crds/meta/json.ts'

/** The Kubernetes release whose API this server follows; clients compare its minor version with theirs. */
const kubernetes = { major: '1', minor: '36' } as const

/** `/version`. `release` is Kvorum's own version. */
export function versionInfo(release: string): JsonObject {
  return {
    ...kubernetes,
    gitVersion: `v${kubernetes.major}.${kubernetes.minor}.0+kvorum.${release}`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node ${process.version}`,
    compiler: 'v8',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  }
}
