import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestApiServer } from '../../support/apiserver.ts'
import { newestKubectl } from '../../support/kubectls.ts'

export interface KubectlResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the newest kubectl at hand against one server, with a home directory of its own. */
export class Kubectl {
  readonly #home = mkdtempSync(join(tmpdir(), 'kvorum-kubectl-'))
  readonly #server: TestApiServer

  constructor(server: TestApiServer) {
    this.#server = server
  }

  /** Ends with whatever kubectl ends with; `input` is its standard input. */
  async run(
    args: readonly string[],
    options: { input?: string; env?: Record<string, string> } = {},
  ): Promise<KubectlResult> {
    const { path } = await newestKubectl()
    const child = spawn(path, [...args], {
      env: {
        PATH: process.env['PATH'],
        HOME: this.#home,
        KUBECONFIG: this.#server.kubeconfigPath,
        ...options.env,
      },
      timeout: 30_000,
    })
    child.stdin.end(options.input ?? '')
    return await new Promise((resolve, reject) => {
      const output = { stdout: '', stderr: '' }
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
      child.once('error', reject)
      child.once('close', (code) => resolve({ code: code ?? -1, ...output }))
    })
  }

  /** Standard output without the space around it; throws with standard error unless kubectl succeeds. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr}`)
    return stdout.trim()
  }

  /** Standard error of a call that has to fail. */
  async fails(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args)
    if (code === 0) throw new Error(`kubectl ${args.join(' ')} should have failed: ${stdout}`)
    return stderr.trim()
  }

  /** A manifest in a file that lives as long as this. */
  file(name: string, manifest: object | string): string {
    const path = join(this.#home, name)
    writeFileSync(path, typeof manifest === 'string' ? manifest : JSON.stringify(manifest))
    return path
  }

  close(): void {
    rmSync(this.#home, { recursive: true, force: true })
  }
}
