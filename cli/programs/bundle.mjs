// The long-running programs run from bundles: a program in one file starts in half the time and takes 60 MB less than
// one in a thousand files of TypeScript. A bundle is made when there is none that fits the sources; without a bundler,
// or with KVORUM_BUNDLE=off, programs run from their sources.
import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..', '..')
const cache = join(root, '.cache', 'programs')
const programs = ['apiserver', 'controllers', 'node-daemon']
// Loaded by few, when they need them: they stay out of the bundles, and out of memory.
const loadedOnDemand = ['etcd3', '@kubernetes/client-node']
const bundlesKept = 3

/** Where the code of a program is: its bundle, or its source. */
export async function codeOf(name) {
  const source = join(root, name, 'main.ts')
  if (process.env['KVORUM_BUNDLE'] === 'off') return source
  try {
    const directory = freshBundle() ?? (await makeBundle())
    return join(directory, name, 'main.mjs')
  } catch (error) {
    if (process.env['KVORUM_BUNDLE'] === 'on') throw error
    process.stderr.write(`Running from the sources, without a bundle: ${error.message}\n`)
    return source
  }
}

/** The directory of the newest bundle, if nothing has changed since it was made. */
function freshBundle() {
  let manifest
  try {
    manifest = JSON.parse(readFileSync(join(cache, 'manifest.json'), 'utf8'))
    const isFresh = manifest.inputs.every(({ path, stamp }) => stampOf(path) === stamp)
    return isFresh && stampOf(relative(root, join(manifest.directory, 'stamp')))
      ? manifest.directory
      : undefined
  } catch {
    return undefined
  }
}

function stampOf(path) {
  const { mtimeMs, size } = statSync(join(root, path))
  return `${mtimeMs} ${size}`
}

async function makeBundle() {
  const { build } = await import('esbuild')
  mkdirSync(cache, { recursive: true })
  const working = mkdtempSync(join(cache, 'making-'))
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: programs.map((name) => join(root, name, 'main.ts')),
    outbase: root,
    outdir: working,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    external: loadedOnDemand,
    metafile: true,
    write: false,
    logLevel: 'silent',
    // CommonJS packages ask for Node's own modules.
    banner: {
      js: "import {createRequire as _require} from 'node:module';const require=_require(import.meta.url);",
    },
    plugins: [ownPlaces, plainHttp],
  })
  const files = Object.keys(metafile.inputs).filter((path) => !path.startsWith('plain-http:'))
  const inputs = [...new Set(files.map((path) => lockedBy(path)))].map((path) => ({
    path,
    stamp: stampOf(path),
  }))
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, asAscii(text))
  }
  const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16)
  const directory = join(cache, hash)
  writeFileSync(join(working, 'stamp'), hash)
  try {
    renameSync(working, directory)
  } catch {
    // Another process has just made the same.
    rmSync(working, { recursive: true, force: true })
  }
  const manifest = join(cache, `manifest-${process.pid}.json`)
  writeFileSync(manifest, JSON.stringify({ directory, inputs }))
  renameSync(manifest, join(cache, 'manifest.json'))
  removeOld(directory)
  return directory
}

/** Packages change with the lockfile only. */
function lockedBy(path) {
  return path.startsWith('node_modules/') || path.startsWith('..') ? 'package-lock.json' : path
}

/** Sources that look for files beside them find those of the sources. */
const ownPlaces = {
  name: 'own-places',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (path.includes('/node_modules/') || !text.includes('import.meta.')) return undefined
      const contents = text
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
      return { contents, loader: 'ts' }
    })
  },
}

/** As an ES module, `node:http` loads an implementation of fetch that nobody here uses. */
const plainHttp = {
  name: 'plain-http',
  setup(build) {
    build.onResolve({ filter: /^node:http$/ }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'node:http', namespace: 'plain-http' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'plain-http' }, () => ({
      contents: "module.exports = require('node:http')",
    }))
  },
}

/** One character beyond Latin-1 in a file doubles the memory that all of it takes. */
function asAscii(text) {
  return text.replaceAll(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Programs that run still may load parts of theirs. */
function removeOld(current) {
  const old = readdirSync(cache, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && join(cache, entry.name) !== current)
    .map(({ name }) => ({ name, madeAt: statSync(join(cache, name)).mtimeMs }))
    .toSorted((one, other) => other.madeAt - one.madeAt)
  for (const { name } of old.slice(bundlesKept - 1))
    rmSync(join(cache, name), { recursive: true, force: true })
}
