import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { KvorumSystem } from '../support/kvorum-system.ts'
import { until } from '../support/kvorum-system-until.ts'
import { useKvorum } from '../support/kvorum-system-use.ts'
import { coloursShown, openNoVnc, startChromium } from '../support/novnc-page.ts'

const manifests = fileURLToPath(new URL('../../manifests/quickstart/', import.meta.url))
const kvorumScript = fileURLToPath(new URL('../../cli/kvorum.mjs', import.meta.url))
const readBanner = `
  const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1')
  socket.once('data', (data) => { process.stdout.write(data); socket.destroy() })
`

let system: KvorumSystem
useKvorum((started) => (system = started))

describe('the screen of a machine', () => {
  test('speaks VNC through the API server to whatever connects to kvorum vnc', async () => {
    await system.kubectl('apply', '-f', manifests)
    await system.wait('condition=Ready', 'vm/hello')
    const [file, ...args] = system.host.command([
      'env',
      `KUBECONFIG=${system.kubeconfig}`,
      process.execPath,
      kvorumScript,
      'vnc',
      'vm/hello',
      '--proxy-only',
    ])
    const proxy = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    proxy.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    try {
      const [, port = ''] = await until(() => /^127\.0\.0\.1:(\d+)$/m.exec(output), 'the local port')

      // The first connection uses what was opened before, the second opens anew.
      for (let time = 0; time < 2; time++) {
        const { stdout } = await system.host.exec([process.execPath, '-e', readBanner, port])
        expect(stdout).toBe('RFB 003.008\n')
      }
    } finally {
      proxy.kill('SIGKILL')
    }
  })

  test('is saved by kvorum screenshot as PNG', async () => {
    const file = join(system.dataDir, 'hello.png')

    await system.kvorum('screenshot', 'vm/hello', '-o', file)

    const image = await readFile(file)
    expect(image.subarray(0, 8).toString('latin1')).toBe('\u0089PNG\r\n\u001a\n')
    expect(image.readUInt32BE(16)).toBeGreaterThanOrEqual(640)
    expect(image.readUInt32BE(20)).toBeGreaterThanOrEqual(400)
  })

  test('is seen in a browser with noVNC by whoever may edit, and by nobody else', async () => {
    const server = await system.kubectl('config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}')
    const path = '/apis/kvorum.dev/v1alpha1/namespaces/default/virtualmachineinstances/hello/vnc'
    const url = server.replace(/^http/, 'ws') + path
    const browser = await startChromium(system.dataDir, (argv) => system.host.command(argv))
    try {
      const stranger = await openNoVnc(browser, url, await tokenOf('view'))
      await until(async () => (await stranger.title()) === 'disconnected', 'the viewer to be refused')

      const page = await openNoVnc(browser, url, await tokenOf('edit'))
      await until(async () => (await page.title()) === 'connected', 'noVNC to connect')
      await until(async () => (await coloursShown(page)) > 1, 'something on the screen')

      await page.screenshot({ path: join(system.dataDir, 'novnc.png') })
    } finally {
      await browser.close()
    }
  })
})

/** A token of an account that has a role in the namespace `default`. */
async function tokenOf(role: string): Promise<string> {
  await system.kubectl('create', 'serviceaccount', role)
  await system.kubectl(
    'create',
    'rolebinding',
    role,
    `--clusterrole=${role}`,
    `--serviceaccount=default:${role}`,
  )
  // Old kubectls cannot ask for tokens.
  return (await system.kvorum('create', 'token', role)).trim()
}
