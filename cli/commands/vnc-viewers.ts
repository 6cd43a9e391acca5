import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** A VNC viewer of this computer. */
export interface Viewer {
  readonly kind: 'remote-viewer' | 'vncviewer'
  readonly path: string
}

export interface Viewers {
  /** The best one that is installed. */
  find(): Promise<Viewer | undefined>
  /** Resolves when its window is closed. Rejects when it cannot be started. */
  run(
    viewer: Viewer,
    what: { readonly file: string; readonly port: number },
    signal: AbortSignal,
  ): Promise<void>
}

const known = ['remote-viewer', 'vncviewer'] as const

/** The viewers on the `PATH` of `env`. */
export function installedViewers(env: Readonly<Record<string, string | undefined>>): Viewers {
  return {
    async find() {
      const directories = (env['PATH'] ?? '').split(delimiter).filter(Boolean)
      for (const kind of known) {
        for (const directory of directories) {
          const path = join(directory, kind)
          if (await isProgram(path)) return { kind, path }
        }
      }
      return undefined
    },
    run: ({ kind, path }, { file, port }, signal) =>
      // Two colons: a port, not the number of a display.
      ran(path, kind === 'remote-viewer' ? [file] : [`127.0.0.1::${port}`], signal),
  }
}

async function isProgram(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

function ran(path: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'inherit'], signal })
    child.once('error', (error) => (signal.aborted ? resolve() : reject(error)))
    child.once('exit', () => resolve())
  })
}
